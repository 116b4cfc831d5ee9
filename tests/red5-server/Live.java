import io.jsonwebtoken.Claims;
import io.jsonwebtoken.JwtException;
import io.jsonwebtoken.JwtParser;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicBoolean;
import org.red5.server.adapter.MultiThreadedApplicationAdapter;
import org.red5.server.api.IConnection;
import org.red5.server.api.Red5;
import org.red5.server.api.scope.IScope;
import org.red5.server.api.scope.ScopeType;
import org.red5.server.api.stream.IBroadcastStream;
import org.red5.server.api.stream.IStreamPublishSecurity;
import org.red5.server.net.rtmp.event.VideoData;

/**
 * The application {@code live}, which asks for a token before a stream is published, as Red5 Pro's
 * plugin documents it: user name and password with any value, the token beside them, and each claim
 * read on its own. Standard output tells what was decided.
 */
public final class Live extends MultiThreadedApplicationAdapter implements IStreamPublishSecurity {
    private JwtParser parser;

    public void setParser(JwtParser parser) {
        this.parser = parser;
    }

    @Override
    public boolean appStart(IScope app) {
        registerStreamPublishSecurity(this);
        return super.appStart(app);
    }

    @Override
    public boolean isPublishAllowed(IScope scope, String name, String mode) {
        String refusal = refusal(scope);
        if (refusal == null) {
            System.out.println("allowed " + path(scope, name));
        } else {
            System.out.println("refused " + path(scope, name) + ": " + refusal);
        }
        return refusal == null;
    }

    /** Why the stream may not be published; null if it may. */
    private String refusal(IScope scope) {
        IConnection connection = Red5.getConnectionLocal();
        if (value(connection, "username") == null || value(connection, "password") == null) {
            return "no user name and password";
        }
        String token = value(connection, "token");
        if (token == null) {
            return "no token";
        }
        Claims claims;
        try {
            claims = parser.parseSignedClaims(token).getPayload();
        } catch (JwtException | IllegalArgumentException error) {
            return error.getClass().getSimpleName();
        }
        if (claims.getExpiration() == null) {
            return "no exp";
        }
        if (!allows(claims, "roles", "red5-publisher")) {
            return "roles";
        }
        if (!allows(claims, "red5-transport", "RTMP")) {
            return "red5-transport";
        }
        String room = scope.getType() == ScopeType.ROOM ? scope.getName() : "";
        return allows(claims, "red5-room", room) ? null : "red5-room";
    }

    /** An absent or empty list allows everything. */
    private static boolean allows(Claims claims, String name, String wanted) {
        Object list = claims.get(name);
        if (!(list instanceof String) || ((String) list).isEmpty()) {
            return true;
        }
        return Arrays.asList(((String) list).split(",")).contains(wanted);
    }

    /** From the address of the stream, which Red5 reads into the connection's attributes. */
    private static String value(IConnection connection, String name) {
        Object value = connection.getAttribute(name);
        return value instanceof String && !((String) value).isEmpty() ? (String) value : null;
    }

    private static String path(IScope scope, String name) {
        return scope.getContextPath().substring(1) + "/" + name;
    }

    /** Is called before the encoder is told to begin. */
    @Override
    public void streamPublishStart(IBroadcastStream stream) {
        AtomicBoolean told = new AtomicBoolean();
        stream.addStreamListener((source, packet) -> {
            if (packet instanceof VideoData && told.compareAndSet(false, true)) {
                System.out.println("video in " + path(source.getScope(), source.getPublishedName()));
            }
        });
        super.streamPublishStart(stream);
    }
}
