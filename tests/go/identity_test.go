// Tokens by the credential classes of azidentity.
package clients

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	openai "github.com/Azure/azure-sdk-for-go/sdk/ai/azopenai"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"golang.org/x/net/html"
)

const password = "Correct-horse-9"

// claims reads what a token says, unchecked.
func claims(t *testing.T, token string) map[string]any {
	t.Helper()
	parts := strings.Split(token, ".")
	equal(t, len(parts), 3)
	var claims map[string]any
	if err := json.Unmarshal(must(base64.RawURLEncoding.DecodeString(parts[1]))(t), &claims); err != nil {
		t.Fatal(err)
	}
	return claims
}

func TestClientSecretCredential(t *testing.T) {
	arm := claims(t, token(t, service.owner(t), armScope))
	equal(t, arm["appid"], service.variables["AZURE_CLIENT_ID"])
	equal(t, arm["tid"], service.variables["AZURE_TENANT_ID"])
	equal(t, arm["aud"], "https://management.azure.com")
	equal(t, claims(t, token(t, service.owner(t), dataScope))["aud"], "https://cognitiveservices.azure.com")
}

func TestWrongSecret(t *testing.T) {
	wrong := service.credential(t, service.variables["AZURE_CLIENT_ID"], "wrong")
	_, err := wrong.GetToken(context.Background(), policy.TokenRequestOptions{Scopes: []string{armScope}})
	var failure *azidentity.AuthenticationFailedError
	if !errors.As(err, &failure) || !strings.Contains(err.Error(), "AADSTS7000215") {
		t.Fatalf("got %v", err)
	}
	equal(t, failure.RawResponse.StatusCode, http.StatusUnauthorized)
}

// selfSigned makes a key and its certificate, as openssl's req -x509 does.
func selfSigned(t *testing.T) (*rsa.PrivateKey, *x509.Certificate) {
	t.Helper()
	key := must(rsa.GenerateKey(rand.Reader, 2048))(t)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "client"},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(time.Hour),
	}
	der := must(x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key))(t)
	return key, must(x509.ParseCertificate(der))(t)
}

func TestClientCertificateCredential(t *testing.T) {
	key, certificate := selfSigned(t)
	clientID, _, _ := service.application(t, map[string]any{
		"displayName": "by certificate",
		"keyCredentials": []any{map[string]any{
			"type": "AsymmetricX509Cert", "usage": "Verify", "key": base64.StdEncoding.EncodeToString(certificate.Raw),
		}},
	})
	options := &azidentity.ClientCertificateCredentialOptions{ClientOptions: service.options(), DisableInstanceDiscovery: true}
	tenant := service.variables["AZURE_TENANT_ID"]
	right := must(azidentity.NewClientCertificateCredential(tenant, clientID, []*x509.Certificate{certificate}, key, options))(t)
	found := claims(t, token(t, right, armScope))
	equal(t, found["appid"], clientID)
	equal(t, found["appidacr"], "2")

	key, certificate = selfSigned(t)
	wrong := must(azidentity.NewClientCertificateCredential(tenant, clientID, []*x509.Certificate{certificate}, key, options))(t)
	_, err := wrong.GetToken(context.Background(), policy.TokenRequestOptions{Scopes: []string{armScope}})
	if err == nil || !strings.Contains(err.Error(), "AADSTS700027") {
		t.Fatalf("got %v", err)
	}
}

// person makes a user, whose name it returns.
func person(t *testing.T, name string) string {
	t.Helper()
	name += "@lazuli.example"
	service.graph(t, "/users", map[string]any{
		"displayName": name, "userPrincipalName": name, "accountEnabled": true,
		"passwordProfile": map[string]any{"password": password, "forceChangePasswordNextSignIn": false},
	})
	return name
}

// page is what a browser makes of one: where its form goes, the form's fields, and all the text.
type page struct {
	action string
	fields url.Values
	text   string
}

func readPage(t *testing.T, answer *http.Response) page {
	t.Helper()
	defer answer.Body.Close()
	p := page{fields: url.Values{}}
	var visit func(*html.Node)
	visit = func(node *html.Node) {
		attributes := map[string]string{}
		for _, attribute := range node.Attr {
			attributes[attribute.Key] = attribute.Val
		}
		switch {
		case node.Type == html.TextNode:
			p.text += node.Data
		case node.Data == "form":
			p.action = must(answer.Request.URL.Parse(attributes["action"]))(t).String()
		case node.Data == "input":
			p.fields.Set(attributes["name"], attributes["value"])
		}
		for child := node.FirstChild; child != nil; child = child.NextSibling {
			visit(child)
		}
	}
	visit(must(html.Parse(answer.Body))(t))
	return p
}

// signIn opens a page in no browser, types into its form and sends it.
func signIn(t *testing.T, address string, typed map[string]string) page {
	t.Helper()
	form := readPage(t, must(service.client.Get(address))(t))
	for name, value := range typed {
		form.fields.Set(name, value)
	}
	return readPage(t, must(service.client.PostForm(form.action, form.fields))(t))
}

func TestDeviceCodeCredential(t *testing.T) {
	user := person(t, "ann")
	var seen []string
	prompt := func(_ context.Context, message azidentity.DeviceCodeMessage) error {
		// of a token endpoint of v2.0 this SDK has no VerificationURL, so that people read it here
		said := regexp.MustCompile(`the page (\S+) and enter the code (\S+) to`).FindStringSubmatch(message.Message)
		if said == nil || said[2] != message.UserCode {
			return fmt.Errorf("the message does not say where to go with what: %s", message.Message)
		}
		typed := map[string]string{"user_code": message.UserCode, "username": user, "password": "no"}
		seen = append(seen, signIn(t, said[1], typed).text)
		typed["password"] = password
		seen = append(seen, signIn(t, said[1], typed).text)
		return nil
	}
	credential := must(azidentity.NewDeviceCodeCredential(&azidentity.DeviceCodeCredentialOptions{
		ClientOptions: service.options(), DisableInstanceDiscovery: true, TenantID: service.variables["AZURE_TENANT_ID"],
		UserPrompt: prompt,
	}))(t)
	found := claims(t, token(t, credential, armScope))
	equal(t, found["upn"], user)
	equal(t, found["idtyp"], "user")
	// and with its refresh token, one for another resource
	equal(t, claims(t, token(t, credential, dataScope))["aud"], "https://cognitiveservices.azure.com")
	equal(t, len(seen), 2)
	if !strings.Contains(seen[0], "invalid username or password") || !strings.Contains(seen[1], "You have signed in") {
		t.Fatalf("the pages said %q", seen)
	}
}

func TestUsernamePasswordCredential(t *testing.T) {
	user := person(t, "bob")
	const azureCLI = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"
	options := &azidentity.UsernamePasswordCredentialOptions{ClientOptions: service.options(), DisableInstanceDiscovery: true}
	tenant := service.variables["AZURE_TENANT_ID"]
	right := must(azidentity.NewUsernamePasswordCredential(tenant, azureCLI, user, password, options))(t)
	equal(t, claims(t, token(t, right, armScope))["upn"], user)
	wrong := must(azidentity.NewUsernamePasswordCredential(tenant, azureCLI, user, "no", options))(t)
	_, err := wrong.GetToken(context.Background(), policy.TokenRequestOptions{Scopes: []string{armScope}})
	if err == nil || !strings.Contains(err.Error(), "AADSTS50126") {
		t.Fatalf("got %v", err)
	}
}

// A service whose first principal is what programs of this machine are.
func machine(t *testing.T) *lazuli {
	t.Helper()
	folder := t.TempDir()
	first := must(start(folder))(t)
	clientID := first.variables["AZURE_CLIENT_ID"]
	if err := first.stop(); err != nil {
		t.Fatal(err)
	}
	l := must(start(folder, "--machine-identity", clientID))(t)
	t.Cleanup(func() {
		if err := l.stop(); err != nil {
			t.Error(err)
		}
	})
	return l
}

func TestManagedIdentityCredential(t *testing.T) {
	l := machine(t)
	clientID := azidentity.ClientID(l.variables["AZURE_CLIENT_ID"])
	managed := func(options azidentity.ManagedIdentityCredentialOptions) *azidentity.ManagedIdentityCredential {
		return must(azidentity.NewManagedIdentityCredential(&options))(t)
	}

	// This SDK knows one address of the metadata service. An operator's firewall would lead that here; so does this.
	toService := (&net.Dialer{}).DialContext
	options := l.options()
	options.Transport = &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{},
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			equal(t, address, "169.254.169.254:80")
			return toService(ctx, network, strings.TrimPrefix(l.plain, "http://"))
		},
	}}
	for _, id := range []azidentity.ManagedIDKind{nil, clientID} {
		byAddress := managed(azidentity.ManagedIdentityCredentialOptions{ClientOptions: options, ID: id})
		equal(t, claims(t, token(t, byAddress, armScope))["appid"], string(clientID))
	}
	other := managed(azidentity.ManagedIdentityCredentialOptions{ClientOptions: options, ID: azidentity.ClientID("other")})
	_, err := other.GetToken(context.Background(), policy.TokenRequestOptions{Scopes: []string{armScope}})
	var failure *azidentity.AuthenticationFailedError
	if !errors.As(err, &failure) {
		t.Fatalf("got %v", err)
	}

	// And an address that can be set: that of Azure's Cloud Shell.
	t.Setenv("MSI_ENDPOINT", l.plain+"/metadata/identity/oauth2/token")
	byVariable := managed(azidentity.ManagedIdentityCredentialOptions{ClientOptions: l.options()})
	equal(t, claims(t, token(t, byVariable, dataScope))["appid"], string(clientID))
	byDefault := must(azidentity.NewDefaultAzureCredential(&azidentity.DefaultAzureCredentialOptions{ClientOptions: l.options()}))(t)
	equal(t, claims(t, token(t, byDefault, armScope))["appid"], string(clientID))
}

// What the environment of `lazuli env` is for: a program that names no host, no secret and no certificate.
func TestTheEnvironmentIsEnough(t *testing.T) {
	for _, name := range []string{"AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET", "AZURE_AUTHORITY_HOST"} {
		t.Setenv(name, service.variables[name])
	}
	credential := must(azidentity.NewDefaultAzureCredential(
		&azidentity.DefaultAzureCredentialOptions{DisableInstanceDiscovery: true}))(t)
	equal(t, claims(t, token(t, credential, armScope))["appid"], service.variables["AZURE_CLIENT_ID"])
	key := azcore.NewKeyCredential(service.variables["AZURE_OPENAI_KEY"])
	client := must(openai.NewClientWithKeyCredential(endpoint(), key, nil))(t)
	must(client.GetChatCompletions(context.Background(), question("gpt-4"), nil))(t)
}
