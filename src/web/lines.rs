//! Finished lines to paste, for each way in which a token is handed to the streaming server
//! (Red5: client authentication). Nothing in them is left to be replaced, so there are none
//! without a stream's name, and none where the token does not say which room.

use super::answer::app;
use super::views::{CopyLine, Lines};
use crate::config::red5::ServerUrl;
use crate::domain::grant::Scope;
use crate::domain::names::{Role, RoomName, Transport};

/// A picture and a sound that ffmpeg makes itself.
const TEST_PICTURE: &str = "-re -f lavfi -i testsrc2=size=1280x720:rate=30 -f lavfi -i sine=frequency=440 \
                            -c:v libx264 -preset veryfast -bf 0 -g 60 -pix_fmt yuv420p";

/// The lines of a token. The characters of a room's name are those of a stream's too: they
/// need no encoding in an address and no quotes in a shell.
pub fn of(
    token: &str,
    scope: &Scope,
    server: Option<&ServerUrl>,
    stream: Option<&RoomName>,
) -> Lines {
    let Some(server) = server else {
        return Lines::NoServer;
    };
    // A token for any room is good for streams without one.
    let app = app(server, scope);
    if app == server.app && !scope.rooms.is_any() {
        return Lines::NeedRoom;
    }
    let Some(stream) = stream else {
        return Lines::NeedStream;
    };
    let place = Place {
        server,
        app,
        stream: stream.as_str(),
        token,
    };
    let may = |role, transport| {
        let listed = scope.transports.named();
        scope.roles.contains(&role) && listed.is_none_or(|listed| listed.contains(&transport))
    };
    let mut lines = Vec::new();
    if may(Role::Publisher, Transport::Whip) {
        lines.extend(place.whip());
    }
    if may(Role::Publisher, Transport::Rtmp) {
        lines.extend(place.rtmp_publish());
    }
    if may(Role::Subscriber, Transport::Whep) {
        lines.extend(place.whep());
    }
    if may(Role::Subscriber, Transport::Rtmp) {
        let text = format!("ffplay '{}'", place.rtmp());
        lines.push(line("ffplay, watching over RTMP", text));
    }
    if Role::ALL.into_iter().any(|role| may(role, Transport::Rtsp)) {
        let text = format!("username=jwt;password=jwt;token={token};");
        lines.push(line("RTSP, connection parameters of the mobile SDKs", text));
    }
    Lines::Ready(lines)
}

fn line(label: &str, text: String) -> CopyLine {
    CopyLine {
        label: label.to_owned(),
        text,
    }
}

struct Place<'a> {
    server: &'a ServerUrl,
    app: String,
    stream: &'a str,
    token: &'a str,
}

impl Place<'_> {
    fn query(&self) -> String {
        format!("username=jwt&password=jwt&token={}", self.token)
    }

    /// `kind`: `whip` or `whep`.
    fn http(&self, kind: &str) -> String {
        let ServerUrl {
            protocol,
            host,
            port,
            ..
        } = self.server;
        let port = match (protocol.as_str(), port) {
            ("https", 443) | ("http", 80) => String::new(),
            _ => format!(":{port}"),
        };
        let (app, stream, query) = (&self.app, self.stream, self.query());
        format!("{protocol}://{host}{port}/{app}/{kind}/endpoint/{stream}?{query}")
    }

    fn rtmp(&self) -> String {
        let (host, app) = (&self.server.host, &self.app);
        format!("rtmp://{host}/{app}/{}?{}", self.stream, self.query())
    }

    fn whip(&self) -> [CopyLine; 3] {
        let ffmpeg = format!(
            "ffmpeg {TEST_PICTURE} -profile:v baseline -c:a libopus -ar 48000 -ac 2 -f whip '{}'",
            self.http("whip")
        );
        [
            line(
                "WHIP address (OBS: service WHIP, server; no bearer token)",
                self.http("whip"),
            ),
            line(
                "Red5 HTML5 SDK, publishing",
                self.sdk("WHIPClient", "publish"),
            ),
            line("ffmpeg 8, a test picture over WHIP", ffmpeg),
        ]
    }

    fn rtmp_publish(&self) -> [CopyLine; 3] {
        let (host, app) = (&self.server.host, &self.app);
        let ffmpeg = format!("ffmpeg {TEST_PICTURE} -c:a aac -f flv '{}'", self.rtmp());
        [
            line(
                "RTMP server (OBS: custom service)",
                format!("rtmp://{host}/{app}"),
            ),
            line(
                "RTMP stream key",
                format!("{}?{}", self.stream, self.query()),
            ),
            line("ffmpeg, a test picture over RTMP", ffmpeg),
        ]
    }

    fn whep(&self) -> [CopyLine; 2] {
        [
            line("WHEP address", self.http("whep")),
            line(
                "Red5 HTML5 SDK, watching",
                self.sdk("WHEPClient", "subscribe"),
            ),
        ]
    }

    /// `begin`: what the client does once it is made ready.
    fn sdk(&self, client: &str, begin: &str) -> String {
        let ServerUrl {
            protocol,
            host,
            port,
            ..
        } = self.server;
        let (app, stream, token) = (&self.app, self.stream, self.token);
        format!(
            "const client = new {client}()\nawait client.init({{\n  protocol: \"{protocol}\",\n  \
             host: \"{host}\",\n  port: {port},\n  app: \"{app}\",\n  streamName: \"{stream}\",\n  \
             connectionParams: {{ username: \"jwt\", password: \"jwt\", token: \"{token}\" }}\n}})\n\
             await client.{begin}()"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::set::{AnyOr, NonEmpty};

    const TOKEN: &str = "aaa.bbb-_c.ddd";

    fn scope(roles: &[Role], transports: &[Transport], rooms: Option<&[&str]>) -> Scope {
        let room = |name: &&str| RoomName::parse(name).unwrap();
        Scope {
            roles: NonEmpty::new(roles.iter().copied()).unwrap(),
            transports: NonEmpty::new(transports.iter().copied()).map_or(AnyOr::Any, AnyOr::Only),
            rooms: rooms.map_or(AnyOr::Any, |rooms| {
                AnyOr::Only(NonEmpty::new(rooms.iter().map(room)).unwrap())
            }),
        }
    }

    fn server(port: u16) -> ServerUrl {
        ServerUrl {
            protocol: "https".to_owned(),
            host: "media.example.com".to_owned(),
            port,
            app: "live".to_owned(),
        }
    }

    fn made(scope: &Scope, port: u16) -> Vec<String> {
        let stream = RoomName::parse("show.1").unwrap();
        let Lines::Ready(lines) = of(TOKEN, scope, Some(&server(port)), Some(&stream)) else {
            panic!("no lines");
        };
        lines.into_iter().map(|line| line.text).collect()
    }

    #[test]
    fn each_line_is_as_red5_documents_it() {
        let query = format!("username=jwt&password=jwt&token={TOKEN}");
        let publish = scope(&[Role::Publisher], &[Transport::Whip], Some(&["studio-1"]));
        let lines = made(&publish, 443);
        let whip = format!("https://media.example.com/live/studio-1/whip/endpoint/show.1?{query}");
        assert_eq!(lines[0], whip);
        assert!(lines[1].contains("app: \"live/studio-1\",\n  streamName: \"show.1\""));
        assert!(lines[1].ends_with("})\nawait client.publish()"));
        assert!(lines[2].ends_with(&format!("-f whip '{whip}'")));
        let both = [Role::Publisher, Role::Subscriber];
        let rtmp = made(&scope(&both, &[Transport::Rtmp], Some(&["studio-1"])), 443);
        assert_eq!(rtmp[0], "rtmp://media.example.com/live/studio-1");
        assert_eq!(rtmp[1], format!("show.1?{query}"));
        let whole = format!("'rtmp://media.example.com/live/studio-1/show.1?{query}'");
        assert!(rtmp[2].ends_with(&whole) && rtmp[3] == format!("ffplay {whole}"));
        let watch = scope(
            &[Role::Subscriber],
            &[Transport::Whep, Transport::Rtsp],
            None,
        );
        let lines = made(&watch, 8443);
        assert_eq!(
            lines[0],
            format!("https://media.example.com:8443/live/whep/endpoint/show.1?{query}")
        );
        assert_eq!(
            lines[2],
            format!("username=jwt;password=jwt;token={TOKEN};")
        );
    }

    #[test]
    fn there_are_lines_for_what_the_token_allows_and_for_nothing_else() {
        let watch = made(&scope(&[Role::Subscriber], &[], Some(&["a"])), 443).join("\n");
        assert!(watch.contains("whep") && watch.contains("ffplay"));
        assert!(
            !watch.contains("whip") && !watch.contains("WHIPClient") && !watch.contains("ffmpeg")
        );
        let publish = made(&scope(&[Role::Publisher], &[], Some(&["a"])), 443).join("\n");
        assert!(!publish.contains("whep") && !publish.contains("ffplay"));
    }

    #[test]
    fn a_line_that_would_have_to_be_completed_is_not_made() {
        let stream = RoomName::parse("show").unwrap();
        let two = scope(&[Role::Publisher], &[], Some(&["a", "b"]));
        let one = scope(&[Role::Publisher], &[], Some(&["a"]));
        let server = server(443);
        assert_eq!(
            of(TOKEN, &two, Some(&server), Some(&stream)),
            Lines::NeedRoom
        );
        assert_eq!(of(TOKEN, &one, Some(&server), None), Lines::NeedStream);
        assert_eq!(of(TOKEN, &one, None, Some(&stream)), Lines::NoServer);
    }
}
