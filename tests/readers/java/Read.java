import com.fasterxml.jackson.databind.ObjectMapper;
import io.jsonwebtoken.JwtException;
import io.jsonwebtoken.JwtParser;
import io.jsonwebtoken.Jwts;
import io.jsonwebtoken.security.Keys;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import javax.crypto.SecretKey;

/**
 * Reads tokens with the library of Red5's Java sample. Standard input: a line
 * with the secret, keyed by its own UTF-8 bytes (the sample's
 * {@code signWith(alg, String)} would decode it as base64), then one token a
 * line. Standard output: one line of JSON for each token. All of it UTF-8,
 * whatever the locale says.
 */
public final class Read {
    private Read() {}

    public static void main(String[] arguments) throws Exception {
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        PrintStream answers = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        SecretKey key = Keys.hmacShaKeyFor(lines.readLine().getBytes(StandardCharsets.UTF_8));
        JwtParser parser = Jwts.parser().verifyWith(key).build();
        ObjectMapper json = new ObjectMapper();
        for (String token = lines.readLine(); token != null; token = lines.readLine()) {
            answers.println(json.writeValueAsString(read(parser, token)));
        }
    }

    private static Map<String, Object> read(JwtParser parser, String token) {
        try {
            return Map.of("ok", true, "claims", parser.parseSignedClaims(token).getPayload());
        } catch (JwtException | IllegalArgumentException error) {
            return Map.of("ok", false, "error", String.valueOf(error.getMessage()));
        }
    }
}
