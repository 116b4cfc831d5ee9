import com.fasterxml.jackson.databind.ObjectMapper;
import io.jsonwebtoken.JwtException;
import io.jsonwebtoken.JwtParser;
import io.jsonwebtoken.Jwts;
import io.jsonwebtoken.security.Keys;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import javax.crypto.SecretKey;

/**
 * Reads tokens with the library of Red5's Java sample: one token a line on
 * standard input, one line of JSON each on standard output. The secret is the
 * variable READER_SECRET, keyed by its own UTF-8 bytes (the sample's
 * {@code signWith(alg, String)} would decode it as base64).
 */
public final class Read {
    private Read() {}

    public static void main(String[] arguments) throws Exception {
        byte[] secret = System.getenv("READER_SECRET").getBytes(StandardCharsets.UTF_8);
        SecretKey key = Keys.hmacShaKeyFor(secret);
        JwtParser parser = Jwts.parser().verifyWith(key).build();
        ObjectMapper json = new ObjectMapper();
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String token = lines.readLine(); token != null; token = lines.readLine()) {
            System.out.println(json.writeValueAsString(read(parser, token)));
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
