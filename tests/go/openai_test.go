// The data plane by azopenai, by token and by key.
package clients

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	openai "github.com/Azure/azure-sdk-for-go/sdk/ai/azopenai"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	cognitive "github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/cognitiveservices/armcognitiveservices"
)

// endpoint is that of the account that `lazuli up` makes, with a deployment of each of its models.
func endpoint() string { return service.endpoint + "/accounts/" + service.variables["LAZULI_ACCOUNT"] }

func clientOptions() *openai.ClientOptions {
	return &openai.ClientOptions{ClientOptions: service.options()}
}

func byKey(t *testing.T, key string) *openai.Client {
	t.Helper()
	return must(openai.NewClientWithKeyCredential(endpoint(), azcore.NewKeyCredential(key), clientOptions()))(t)
}

// byToken is for an application that may call models.
func byToken(t *testing.T) *openai.Client {
	t.Helper()
	clientID, objectID, secret := service.application(t, map[string]any{"displayName": "caller"})
	assign(t, "/subscriptions/"+subscription(), openAIUser, objectID)
	return must(openai.NewClient(endpoint(), service.credential(t, clientID, secret), clientOptions()))(t)
}

func question(deployment string) openai.ChatCompletionsOptions {
	return openai.ChatCompletionsOptions{
		DeploymentName: &deployment,
		Messages: []openai.ChatRequestMessageClassification{
			&openai.ChatRequestUserMessage{Content: openai.NewChatRequestUserMessageContent("What is a deployment?")},
		},
	}
}

func each(t *testing.T, test func(*testing.T, *openai.Client)) {
	t.Run("by key", func(t *testing.T) { test(t, byKey(t, service.variables["AZURE_OPENAI_KEY"])) })
	t.Run("by token", func(t *testing.T) { test(t, byToken(t)) })
}

func TestChat(t *testing.T) {
	each(t, func(t *testing.T, client *openai.Client) {
		body := question("gpt-4")
		body.MaxTokens = to.Ptr[int32](5)
		answer := must(client.GetChatCompletions(ctx, body, nil))(t)
		equal(t, *answer.Choices[0].FinishReason, openai.CompletionsFinishReasonTokenLimitReached)
		equal(t, *answer.Choices[0].Message.Role, openai.ChatRoleAssistant)
		equal(t, *answer.Usage.CompletionTokens, int32(5))
		equal(t, *answer.Model, "gpt-4")
		equal(t, *answer.Choices[0].ContentFilterResults.Error.Code, "content_filter_error") // there is no filter
	})
}

// An account of one's own: what ARM says of it is all that a client of the data plane needs.
func TestTheWholeWay(t *testing.T) {
	inGroup, name := account(t)
	factory := clients(t, service.owner(t))
	body := newDeployment("gpt-4o", "2024-11-20", 10)
	done(factory.NewDeploymentsClient().BeginCreateOrUpdate(ctx, inGroup, name, "mine", body, nil))(t)
	t.Cleanup(func() { done(factory.NewDeploymentsClient().BeginDelete(ctx, inGroup, name, "mine", nil))(t) })
	shown := must(factory.NewAccountsClient().Get(ctx, inGroup, name, nil))(t)
	keys := must(factory.NewAccountsClient().ListKeys(ctx, inGroup, name, nil))(t)
	credential := azcore.NewKeyCredential(*keys.Key2)
	client := must(openai.NewClientWithKeyCredential(*shown.Properties.Endpoint, credential, clientOptions()))(t)
	answer := must(client.GetChatCompletions(ctx, question("mine"), nil))(t)
	equal(t, *answer.Choices[0].FinishReason, openai.CompletionsFinishReasonStopped)
	must(factory.NewAccountsClient().RegenerateKey(ctx, inGroup, name,
		cognitive.RegenerateKeyParameters{KeyName: to.Ptr(cognitive.KeyNameKey2)}, nil))(t)
	_, err := client.GetChatCompletions(ctx, question("mine"), nil)
	refused(t, err, http.StatusUnauthorized, "401")
}

func TestStream(t *testing.T) {
	each(t, func(t *testing.T, client *openai.Client) { streams(t, ctx, client) })
}

// A receipt in the stream is a comment, which it passes over.
func TestStreamWithReceipt(t *testing.T) {
	wanted := policy.WithHTTPHeader(ctx, http.Header{"x-lazuli-receipt": {"true"}})
	each(t, func(t *testing.T, client *openai.Client) { streams(t, wanted, client) })
}

// streams has a chat streamed, which comes to what it is as a whole.
func streams(t *testing.T, how context.Context, client *openai.Client) {
	t.Helper()
	body := question("gpt-4")
	body.Seed = to.Ptr[int64](3)
	whole := must(client.GetChatCompletions(how, body, nil))(t)
	streamed := must(client.GetChatCompletionsStream(how, body, nil))(t)
	stream := streamed.ChatCompletionsStream
	defer stream.Close()
	var text strings.Builder
	for {
		chunk, err := stream.Read()
		if errors.Is(err, io.EOF) { // which this SDK says of [DONE] alone
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, choice := range chunk.Choices {
			if choice.Delta != nil && choice.Delta.Content != nil {
				text.WriteString(*choice.Delta.Content)
			}
		}
	}
	equal(t, text.String(), *whole.Choices[0].Message.Content)
}

func TestTools(t *testing.T) {
	body := question("gpt-4")
	body.Tools = []openai.ChatCompletionsToolDefinitionClassification{&openai.ChatCompletionsFunctionToolDefinition{
		Function: &openai.FunctionDefinition{
			Name:       to.Ptr("get_time"),
			Parameters: []byte(`{"type":"object","properties":{"zone":{"type":"string"}},"required":["zone"]}`),
		},
	}}
	body.ToolChoice = openai.NewChatCompletionsToolChoice(openai.ChatCompletionsToolChoiceFunction{Name: "get_time"})
	answer := must(byKey(t, service.variables["AZURE_OPENAI_KEY"]).GetChatCompletions(ctx, body, nil))(t)
	call, ok := answer.Choices[0].Message.ToolCalls[0].(*openai.ChatCompletionsFunctionToolCall)
	equal(t, ok, true)
	equal(t, *call.Function.Name, "get_time")
	equal(t, strings.Contains(*call.Function.Arguments, `"zone"`), true)
}

func TestEmbeddings(t *testing.T) {
	each(t, func(t *testing.T, client *openai.Client) {
		body := openai.EmbeddingsOptions{DeploymentName: to.Ptr("text-embedding-ada-002"), Input: []string{"a", "b"}}
		answer := must(client.GetEmbeddings(ctx, body, nil))(t)
		equal(t, len(answer.Data), 2)
		equal(t, len(answer.Data[1].Embedding), 1536)
		equal(t, *answer.Data[1].Index, int32(1))
	})
}

func TestCallsThatAreRefused(t *testing.T) {
	_, err := byKey(t, "wrong").GetChatCompletions(ctx, question("gpt-4"), nil)
	refused(t, err, http.StatusUnauthorized, "401") // the error's code, in Azure's own words
	key := service.variables["AZURE_OPENAI_KEY"]
	_, err = byKey(t, key).GetChatCompletions(ctx, question("nowhere"), nil)
	refused(t, err, http.StatusNotFound, "DeploymentNotFound")
	_, err = byKey(t, key).GetChatCompletionsStream(ctx, question("nowhere"), nil)
	refused(t, err, http.StatusNotFound, "DeploymentNotFound")

	owner := must(openai.NewClient(endpoint(), service.owner(t), clientOptions()))(t) // who owns does not call
	_, err = owner.GetChatCompletions(ctx, question("gpt-4"), nil)
	refused(t, err, http.StatusUnauthorized, "PermissionDenied")
}
