-- Posts the same request over and over. Its arguments: body, origin, cookie, connection.
-- Prints requests, microseconds, the 99th percentile in microseconds, errors.

function init(args)
  wrk.method = "POST"
  wrk.body = args[1]
  wrk.headers["Content-Type"] = "application/json"
  wrk.headers["X-Red5-Bridge"] = "1"
  wrk.headers["Origin"] = args[2]
  wrk.headers["Cookie"] = args[3]
  wrk.headers["Connection"] = args[4]
end

function done(summary, latency, requests)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  io.write(string.format("RESULT %d %d %d %d\n",
    summary.requests, summary.duration, latency:percentile(99), failed))
end
