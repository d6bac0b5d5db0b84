package lazuli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.azure.ai.openai.OpenAIClient;
import com.azure.ai.openai.OpenAIClientBuilder;
import com.azure.ai.openai.models.ChatCompletionsOptions;
import com.azure.ai.openai.models.ChatRequestMessage;
import com.azure.ai.openai.models.ChatRequestUserMessage;
import com.azure.ai.openai.models.CompletionsFinishReason;
import com.azure.ai.openai.models.EmbeddingsOptions;
import com.azure.core.credential.KeyCredential;
import com.azure.core.credential.TokenCredential;
import com.azure.core.exception.HttpResponseException;
import com.azure.core.http.policy.FixedDelayOptions;
import com.azure.core.http.policy.RetryOptions;
import java.time.Duration;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The data plane by azure-ai-openai, by key and by token. */
class DataPlaneTest {
    /** Cognitive Services OpenAI User. */
    private static final String OPENAI_USER = "5e0bd9bd-7b93-4f28-af87-19fc36ad61bd";

    private static Lazuli lazuli;

    @BeforeAll
    static void start() throws Exception {
        lazuli = new Lazuli();
    }

    @AfterAll
    static void stop() throws Exception {
        lazuli.stop();
    }

    private static OpenAIClientBuilder builder() {
        return new OpenAIClientBuilder().endpoint(lazuli.endpoint + "/accounts/" + lazuli.variables.get("LAZULI_ACCOUNT"))
            .retryOptions(new RetryOptions(new FixedDelayOptions(0, Duration.ZERO)));
    }

    private static OpenAIClient byKey(String key) {
        return builder().credential(new KeyCredential(key)).buildClient();
    }

    private static OpenAIClient byKey() {
        return byKey(lazuli.variables.get("AZURE_OPENAI_KEY"));
    }

    private static OpenAIClient byToken(TokenCredential credential) {
        return builder().credential(credential).buildClient();
    }

    private static ChatCompletionsOptions question() {
        return new ChatCompletionsOptions(List.<ChatRequestMessage>of(new ChatRequestUserMessage("What is a deployment?")))
            .setSeed(3L);
    }

    private static void assertRefused(int status, String code, OpenAIClient client, String deployment) {
        var error = assertThrows(HttpResponseException.class, () -> client.getChatCompletions(deployment, question()));

        assertEquals(status, error.getResponse().getStatusCode());
        assertTrue(error.getMessage().contains("\"" + code + "\""), error::getMessage);
    }

    private static void assertAnswers(OpenAIClient client) {
        var answer = client.getChatCompletions("gpt-4", question().setMaxTokens(5));

        assertEquals(CompletionsFinishReason.TOKEN_LIMIT_REACHED, answer.getChoices().get(0).getFinishReason());
        assertEquals(5, answer.getUsage().getCompletionTokens());
    }

    @Test
    void byKeyAndByToken() {
        var principal = lazuli.principal("caller");
        var client = byToken(lazuli.credential(principal));

        assertAnswers(byKey());
        assertRefused(401, "401", byKey("wrong"), "gpt-4");
        assertRefused(401, "PermissionDenied", client, "gpt-4");
        lazuli.authorization().roleAssignments().define(UUID.randomUUID().toString()).forServicePrincipal(principal)
            .withRoleDefinition("/subscriptions/" + lazuli.subscription()
                + "/providers/Microsoft.Authorization/roleDefinitions/" + OPENAI_USER)
            .withSubscriptionScope(lazuli.subscription()).create();
        assertAnswers(client);
        assertRefused(404, "DeploymentNotFound", client, "nowhere");
    }

    @Test
    void streams() {
        String whole = byKey().getChatCompletions("gpt-4", question()).getChoices().get(0).getMessage().getContent();
        StringBuilder text = new StringBuilder();

        byKey().getChatCompletionsStream("gpt-4", question()).forEach(chunk -> chunk.getChoices().forEach(choice -> {
            if (choice.getDelta().getContent() != null) {
                text.append(choice.getDelta().getContent());
            }
        }));
        assertEquals(whole, text.toString());
    }

    @Test
    void embeddings() {
        var answer = byKey().getEmbeddings("text-embedding-ada-002", new EmbeddingsOptions(List.of("a", "b")));

        assertEquals(2, answer.getData().size());
        assertEquals(1536, answer.getData().get(1).getEmbedding().size());
    }
}
