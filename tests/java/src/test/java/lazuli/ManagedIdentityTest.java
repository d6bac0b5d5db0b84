package lazuli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.azure.core.credential.TokenRequestContext;
import com.azure.core.exception.ClientAuthenticationException;
import com.azure.identity.ManagedIdentityCredentialBuilder;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Tokens without a secret, for programs of the service's machine. */
class ManagedIdentityTest {
    private static Lazuli lazuli;
    private static Map<String, Object> runner;

    /** Asks for a token of the identity with this client id, or of the only one that there is. */
    static final class Program {
        private Program() {
        }

        public static void main(String[] arguments) {
            var credential = new ManagedIdentityCredentialBuilder();

            if (arguments.length > 1) {
                credential.clientId(arguments[1]);
            }
            try {
                var request = new TokenRequestContext().addScopes(arguments[0]);
                System.out.println("token=" + credential.build().getTokenSync(request).getToken());
            } catch (ClientAuthenticationException e) {
                System.out.println(e.getMessage());
            }
        }
    }

    @BeforeAll
    static void start() throws Exception {
        lazuli = new Lazuli("--machine-identities", "runner");
        runner = identity("runner");
    }

    @AfterAll
    static void stop() throws Exception {
        lazuli.stop();
    }

    /** The properties of an identity, which is made. */
    @SuppressWarnings("unchecked")
    private static Map<String, Object> identity(String name) throws Exception {
        var address = URI.create(lazuli.plain + "/subscriptions/" + lazuli.subscription() + "/resourceGroups/lazuli"
            + "/providers/Microsoft.ManagedIdentity/userAssignedIdentities/" + name + "?api-version=2023-01-31");
        var request = HttpRequest.newBuilder(address).header("Content-Type", "application/json")
            .header("Authorization", "Bearer " + lazuli.variables.get("LAZULI_ARM_TOKEN"))
            .PUT(HttpRequest.BodyPublishers.ofString("{\"location\":\"eastus\"}")).build();
        var answer = HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString());

        assertEquals(201, answer.statusCode(), answer::body);
        return (Map<String, Object>) Lazuli.json(answer.body()).get("properties");
    }

    /** Where the metadata service is, the client reads from the environment of its process. */
    private static String run(String... arguments) throws Exception {
        var java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
        var command = Stream.of(java, "-cp", System.getProperty("java.class.path"), Program.class.getName());

        return Lazuli.output(Map.of("AZURE_POD_IDENTITY_AUTHORITY_HOST", lazuli.plain),
            Stream.concat(command, Stream.of(arguments)).toArray(String[]::new));
    }

    private static Map<String, Object> claims(String said) throws Exception {
        return Lazuli.claims(said.lines().filter(line -> line.startsWith("token=")).findFirst().orElseThrow(
            () -> new AssertionError(said)).substring("token=".length()));
    }

    @Test
    void managedIdentityCredential() throws Exception {
        var claims = claims(run(Lazuli.DATA));

        assertEquals(runner.get("principalId"), claims.get("oid"));
        assertEquals("https://cognitiveservices.azure.com", claims.get("aud"));
        assertEquals(runner.get("clientId"), claims(run(Lazuli.ARM, (String) runner.get("clientId"))).get("appid"));
    }

    @Test
    void anotherIdentity() throws Exception {
        String said = run(Lazuli.ARM, (String) identity("other").get("clientId"));

        assertFalse(said.contains("token="), said);
        assertTrue(said.contains("Managed Identity authentication is not available."), said);
    }
}
