package lazuli;

import com.azure.core.credential.TokenCredential;
import com.azure.core.credential.TokenRequestContext;
import com.azure.core.http.policy.FixedDelayOptions;
import com.azure.core.http.policy.RetryOptions;
import com.azure.core.management.AzureEnvironment;
import com.azure.core.management.profile.AzureProfile;
import com.azure.identity.ClientSecretCredentialBuilder;
import com.azure.json.JsonProviders;
import com.azure.json.JsonReader;
import com.azure.resourcemanager.authorization.AuthorizationManager;
import com.azure.resourcemanager.authorization.models.ServicePrincipal;
import com.azure.resourcemanager.cognitiveservices.CognitiveServicesManager;
import com.azure.resourcemanager.resources.ResourceManager;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * The service under test: the real binary on a free port with a folder of its own, ended by its process id; who signs in
 * to it, and Microsoft's clients, told of it as of a cloud of its own. One for each process of Java.
 */
final class Lazuli {
    static final String ARM = "https://management.azure.com/.default";
    static final String DATA = "https://cognitiveservices.azure.com/.default";

    private static final long START_LIMIT_S = 60;
    /** Every deployment answers from the simulator: same request, same answer, at once. */
    private static final String SIMULATED = """
        extends: default
        default_engines: { chat: sim, completion: sim, embeddings: sim }
        """;
    /** Nothing is tried again, so that a failure is seen. */
    private static final RetryOptions NO_RETRY = new RetryOptions(new FixedDelayOptions(0, Duration.ZERO));

    final Map<String, String> variables;
    /** Where it answers HTTP, and TLS by a certificate of its own development CA. */
    final String plain, endpoint;
    /** The same as ARM's: these clients tell by the address whose token is needed, so that ARM and Graph need a name each. */
    final String arm;
    /** The secret of a service principal that {@link #principal} made. */
    final Map<ServicePrincipal, String> secrets = new HashMap<>();

    private final Path folder = Files.createTempDirectory("lazuli-test-");
    private final StringBuffer log = new StringBuffer();
    private final Process process;
    private final Thread reader;

    Lazuli(String... options) throws Exception {
        Path catalog = Files.writeString(folder.resolve("catalog.yaml"), SIMULATED);
        String data = folder.resolve("data").toString();
        CompletableFuture<Void> started = new CompletableFuture<>();

        List<String> command = new ArrayList<>(List.of(program(), "up", "--listen", "127.0.0.1:0", "--data", data,
            "--catalog", catalog.toString(), "--drain-ms", "5000", "--rate-limits=false"));
        command.addAll(List.of(options));
        process = new ProcessBuilder(command).redirectErrorStream(true).start();
        Runtime.getRuntime().addShutdownHook(new Thread(process::destroyForcibly)); // whatever happens to a test
        reader = new Thread(() -> read(started));
        reader.start();
        try {
            started.get(START_LIMIT_S, TimeUnit.SECONDS);
            variables = json(output(program(), "env", "--data", data, "--format", "json"), JsonReader::getString);
            plain = variables.get("LAZULI_ARM_ENDPOINT");
            endpoint = variables.get("AZURE_AUTHORITY_HOST");
            arm = endpoint.replace("127.0.0.1", "localhost");
            trust();
        } catch (Exception e) {
            process.destroyForcibly().waitFor();
            throw new IllegalStateException("lazuli did not start:\n" + log, e);
        }
    }

    private static String program() {
        return System.getenv().getOrDefault("LAZULI", "../../build/lazuli");
    }

    private void read(CompletableFuture<Void> started) {
        try (var lines = process.inputReader()) {
            for (String line; (line = lines.readLine()) != null;) {
                log.append(line).append('\n');
                if (line.contains(" started ")) {
                    started.complete(null);
                }
            }
        } catch (IOException e) {
            log.append(e);
        }
        started.completeExceptionally(new IllegalStateException("it ended"));
    }

    static String output(String... command) throws Exception {
        return output(Map.of(), command);
    }

    /** What a command prints that has these variables besides. */
    static String output(Map<String, String> variables, String... command) throws Exception {
        var builder = new ProcessBuilder(command).redirectErrorStream(true);
        builder.environment().putAll(variables);
        Process process = builder.start();
        String text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);

        if (process.waitFor() != 0) {
            throw new IllegalStateException(String.join(" ", command) + ": " + text);
        }
        return text;
    }

    /** As its user does: the CA is fetched, and put into a store that Java takes for its own. */
    private void trust() throws Exception {
        String authority = folder.resolve("ca.pem").toString(), store = folder.resolve("trust.p12").toString();

        try (InputStream in = URI.create(plain + "/ca.pem").toURL().openStream()) {
            Files.copy(in, Path.of(authority));
        }
        output("keytool", "-importcert", "-noprompt", "-alias", "lazuli", "-file", authority, "-keystore", store,
            "-storetype", "PKCS12", "-storepass", "changeit");
        System.setProperty("javax.net.ssl.trustStore", store);
        System.setProperty("javax.net.ssl.trustStorePassword", "changeit");
    }

    /** Asks it to end, and fails when it crashed, leaked (a sanitizer's report) or hangs. */
    void stop() throws Exception {
        process.destroy();
        if (!process.waitFor(30, TimeUnit.SECONDS)) {
            process.destroyForcibly().waitFor();
            throw new IllegalStateException("lazuli did not end:\n" + log);
        }
        reader.join();
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        }
        if (process.exitValue() != 0) {
            throw new IllegalStateException("lazuli ended with " + process.exitValue() + ":\n" + log);
        }
    }

    // -- Who signs in, and by what -----------------------------------------------------------------------------------

    TokenCredential credential(String clientId, String secret) {
        return new ClientSecretCredentialBuilder().tenantId(variables.get("AZURE_TENANT_ID")).clientId(clientId)
            .clientSecret(secret).authorityHost(endpoint).disableInstanceDiscovery().retryOptions(NO_RETRY).build();
    }

    TokenCredential credential(ServicePrincipal principal) {
        return credential(principal.applicationId(), secrets.get(principal));
    }

    /** The first service principal, which owns the subscription. */
    TokenCredential owner() {
        return credential(variables.get("AZURE_CLIENT_ID"), variables.get("AZURE_CLIENT_SECRET"));
    }

    /** An application with its service principal and a secret, made by Microsoft Graph. */
    ServicePrincipal principal(String name) {
        List<String> secret = new ArrayList<>();
        ServicePrincipal principal = authorization().servicePrincipals().define(name).withNewApplication()
            .definePasswordCredential("test").withPasswordConsumer(made -> secret.add(made.value())).attach().create();

        secrets.put(principal, secret.get(0));
        return principal;
    }

    static Map<String, Object> claims(TokenCredential credential, String scope) throws IOException {
        return claims(credential.getTokenSync(new TokenRequestContext().addScopes(scope)).getToken());
    }

    static Map<String, Object> claims(String token) throws IOException {
        byte[] claims = Base64.getUrlDecoder().decode(token.split("\\.")[1]);

        return json(new String(claims, StandardCharsets.UTF_8));
    }

    static Map<String, Object> json(String text) throws IOException {
        return json(text, JsonReader::readUntyped);
    }

    private static <T> Map<String, T> json(String text, com.azure.json.ReadValueCallback<JsonReader, T> value)
        throws IOException {
        try (JsonReader reader = JsonProviders.createReader(text)) {
            return reader.readMap(value);
        }
    }

    // -- Clients -----------------------------------------------------------------------------------------------------

    AzureProfile profile() {
        Map<String, String> endpoints = new HashMap<>(AzureEnvironment.AZURE.getEndpoints());

        endpoints.put("resourceManagerEndpointUrl", arm + "/");
        endpoints.put("activeDirectoryEndpointUrl", endpoint + "/");
        endpoints.put("microsoftGraphResourceId", endpoint + "/");
        return new AzureProfile(variables.get("AZURE_TENANT_ID"), subscription(), new AzureEnvironment(endpoints));
    }

    String subscription() {
        return variables.get("LAZULI_SUBSCRIPTION_ID");
    }

    AuthorizationManager authorization() {
        return AuthorizationManager.configure().withRetryOptions(NO_RETRY).authenticate(owner(), profile());
    }

    ResourceManager resources() {
        return ResourceManager.configure().withRetryOptions(NO_RETRY).authenticate(owner(), profile())
            .withSubscription(subscription());
    }

    CognitiveServicesManager cognitive(TokenCredential credential) {
        return CognitiveServicesManager.configure().withRetryOptions(NO_RETRY).authenticate(credential, profile());
    }

    /** A name that is not taken. */
    static String fresh() {
        return "java-" + UUID.randomUUID().toString().substring(0, 8);
    }
}
