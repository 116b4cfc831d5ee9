import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Properties;
import java.util.TreeMap;

/**
 * Reads a property file as Red5's Java reads it: standard input, bytes as
 * ISO-8859-1 and all escapes ({@link Properties#load(java.io.InputStream)}).
 * Standard output: one line of JSON, in UTF-8 whatever the locale says.
 */
public final class Load {
    private Load() {}

    public static void main(String[] arguments) throws Exception {
        Properties properties = new Properties();
        properties.load(System.in);
        PrintStream answers = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        answers.println(new ObjectMapper().writeValueAsString(new TreeMap<>(properties)));
    }
}
