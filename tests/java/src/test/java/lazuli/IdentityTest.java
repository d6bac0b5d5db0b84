package lazuli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.azure.identity.ClientCertificateCredentialBuilder;
import com.azure.identity.DeviceCodeCredentialBuilder;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.net.HttpURLConnection;
import java.net.URI;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Tokens by the credential classes of azure-identity; the principals are made by Microsoft Graph. */
class IdentityTest {
    private static final String PASSWORD = "Correct-horse-9";

    private static Lazuli lazuli;

    @BeforeAll
    static void start() throws Exception {
        lazuli = new Lazuli();
    }

    @AfterAll
    static void stop() throws Exception {
        lazuli.stop();
    }

    @Test
    void clientSecretCredential() throws Exception {
        var claims = Lazuli.claims(lazuli.owner(), Lazuli.ARM);

        assertEquals(lazuli.variables.get("AZURE_CLIENT_ID"), claims.get("appid"));
        assertEquals(lazuli.variables.get("AZURE_TENANT_ID"), claims.get("tid"));
        assertEquals("https://management.azure.com", claims.get("aud"));
        assertEquals("https://cognitiveservices.azure.com", Lazuli.claims(lazuli.owner(), Lazuli.DATA).get("aud"));
        var principal = lazuli.principal("by secret");
        assertEquals(principal.id(), Lazuli.claims(lazuli.credential(principal), Lazuli.ARM).get("oid"));
    }

    @Test
    void wrongSecret() {
        var wrong = lazuli.credential(lazuli.variables.get("AZURE_CLIENT_ID"), "wrong");
        var error = assertThrows(Exception.class, () -> Lazuli.claims(wrong, Lazuli.ARM));

        assertTrue(error.getMessage().contains("AADSTS7000215"), error::toString);
    }

    @Test
    void clientCertificateCredential(@TempDir Path folder) throws Exception {
        Lazuli.output("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=client",
            "-keyout", folder.resolve("key.pem").toString(), "-out", folder.resolve("cert.pem").toString());
        Lazuli.output("openssl", "x509", "-in", folder.resolve("cert.pem").toString(), "-outform", "DER", "-out",
            folder.resolve("cert.cer").toString());
        byte[] certificate = Files.readAllBytes(folder.resolve("cert.cer"));
        var application = lazuli.authorization().applications().define("by certificate")
            .defineCertificateCredential("one").withAsymmetricX509Certificate().withPublicKey(certificate).attach()
            .create();
        lazuli.authorization().servicePrincipals().define("by certificate").withExistingApplication(application).create();
        var both = Files.readString(folder.resolve("key.pem")) + Files.readString(folder.resolve("cert.pem"));
        var credential = new ClientCertificateCredentialBuilder().tenantId(lazuli.variables.get("AZURE_TENANT_ID"))
            .clientId(application.applicationId()).authorityHost(lazuli.endpoint).disableInstanceDiscovery()
            .pemCertificate(new ByteArrayInputStream(both.getBytes(StandardCharsets.UTF_8))).build();

        assertEquals(application.applicationId(), Lazuli.claims(credential, Lazuli.ARM).get("appid"));
    }

    @Test
    void deviceCodeCredential() throws Exception {
        var user = lazuli.authorization().users().define("Ann").withUserPrincipalName("ann@lazuli.example")
            .withPassword(PASSWORD).create();
        List<String> pages = new ArrayList<>();
        var credential = new DeviceCodeCredentialBuilder().tenantId(lazuli.variables.get("AZURE_TENANT_ID"))
            .authorityHost(lazuli.endpoint).disableInstanceDiscovery().challengeConsumer(shown -> {
                for (String password : List.of("no", PASSWORD)) {
                    pages.add(signIn(shown.getVerificationUrl(), Map.of("user_code", shown.getUserCode(),
                        "username", user.userPrincipalName(), "password", password)));
                }
            }).build();

        assertEquals(user.userPrincipalName(), Lazuli.claims(credential, Lazuli.ARM).get("upn"));
        assertEquals(2, pages.size());
        assertTrue(pages.get(0).contains("invalid username or password"), pages::toString);
        assertTrue(pages.get(1).contains("You have signed in"), pages::toString);
    }

    /** Opens a page, types into its form and sends it; what comes back. */
    private static String signIn(String address, Map<String, String> typed) {
        try {
            String page = read((HttpURLConnection) URI.create(address).toURL().openConnection());
            Map<String, String> form = new TreeMap<>();
            for (Matcher input = Pattern.compile("<input[^>]*>").matcher(page); input.find();) {
                form.put(attribute(input.group(), "name"), attribute(input.group(), "value"));
            }
            form.putAll(typed);
            URI target = URI.create(address).resolve(attribute(page.substring(page.indexOf("<form")), "action"));
            var connection = (HttpURLConnection) target.toURL().openConnection();
            connection.setDoOutput(true);
            try (var out = connection.getOutputStream()) {
                out.write(form.entrySet().stream().map(field -> field.getKey() + "=" + encode(field.getValue()))
                    .collect(Collectors.joining("&")).getBytes(StandardCharsets.UTF_8));
            }
            return read(connection);
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    private static String read(HttpURLConnection connection) throws IOException {
        try (var in = connection.getResponseCode() < 400 ? connection.getInputStream() : connection.getErrorStream()) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        }
    }

    private static String attribute(String tag, String name) {
        Matcher found = Pattern.compile("\\b" + name + "=\"([^\"]*)\"").matcher(tag.substring(0, tag.indexOf('>')));

        return found.find() ? found.group(1) : "";
    }

    private static String encode(String text) {
        return URLEncoder.encode(text, StandardCharsets.UTF_8);
    }
}
