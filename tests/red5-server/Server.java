import io.jsonwebtoken.JwtParser;
import io.jsonwebtoken.Jwts;
import io.jsonwebtoken.security.Keys;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.Date;
import java.util.concurrent.atomic.AtomicLong;
import org.red5.server.net.rtmp.RTMPMinaTransport;
import org.springframework.context.support.ClassPathXmlApplicationContext;
import org.springframework.context.support.GenericApplicationContext;

/**
 * Red5's own server with RTMP on a free port and the application {@link Live}. Standard input: a
 * line with the secret, keyed by its own UTF-8 bytes, then lines with the seconds by which the clock
 * that judges tokens is to be ahead; at the end of the input the server stops. Standard output:
 * {@code listening on PORT}, then what was decided, and {@code ahead by SECONDS} for each line.
 */
public final class Server {
    private Server() {}

    public static void main(String[] arguments) throws Exception {
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        byte[] secret = lines.readLine().getBytes(StandardCharsets.UTF_8);
        AtomicLong ahead = new AtomicLong();
        JwtParser parser = Jwts.parser()
                .verifyWith(Keys.hmacShaKeyFor(secret))
                .clock(() -> new Date(System.currentTimeMillis() + 1000 * ahead.get()))
                .build();
        // Red5 looks for the beans of its core in a parent of the application's context.
        System.setProperty("red5.deployment.type", "test");
        GenericApplicationContext core = new GenericApplicationContext();
        core.getBeanFactory().registerSingleton("parser", parser);
        core.refresh();
        try (var context = new ClassPathXmlApplicationContext(new String[] {"red5.xml"}, core)) {
            System.out.println("listening on " + context.getBean(Transport.class).port());
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                ahead.set(Long.parseLong(line));
                System.out.println("ahead by " + ahead);
            }
        }
        System.exit(0);
    }

    /** On a port of the system's choice. */
    public static final class Transport extends RTMPMinaTransport {
        int port() {
            return ((InetSocketAddress) acceptor.getLocalAddress()).getPort();
        }
    }
}
