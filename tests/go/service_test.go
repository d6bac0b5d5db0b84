// The control plane, the data plane and the identity provider by Microsoft's SDKs for Go.
//
// This file has the service under test: the real binary on a free port with a folder of its own, ended by its process id.
package clients

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
)

const (
	armScope   = "https://management.azure.com/.default"
	dataScope  = "https://cognitiveservices.azure.com/.default"
	graphScope = "https://graph.microsoft.com/.default"
	startLimit = 60 * time.Second
	// Every deployment answers from the simulator: same request, same answer, at once.
	simulated = "extends: default\ndefault_engines: { chat: sim, completion: sim, embeddings: sim }\n"
)

type lazuli struct {
	process   *exec.Cmd
	ended     chan error
	log       bytes.Buffer // complete once the process has ended
	variables map[string]string
	plain     string // where it answers HTTP
	endpoint  string // and TLS, by a certificate of its own development CA
	client    *http.Client
}

// The one that tests share; each makes what it needs.
var service *lazuli

func TestMain(m *testing.M) {
	status := 1
	folder, err := os.MkdirTemp("", "lazuli-test-")
	if err == nil {
		service, err = start(folder)
	}
	if err == nil {
		os.Setenv("SSL_CERT_FILE", service.variables["LAZULI_CA_BUNDLE"]) // read by whom no transport is given, once
		status = m.Run()
		err = service.stop()
	}
	os.RemoveAll(folder)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		status = 1
	}
	os.Exit(status)
}

func program() string {
	if path := os.Getenv("LAZULI"); path != "" {
		return path
	}
	return "../../build/lazuli"
}

// start runs `lazuli up` on a folder and returns once it serves.
func start(folder string, arguments ...string) (*lazuli, error) {
	data, catalog := filepath.Join(folder, "data"), filepath.Join(folder, "catalog.yaml")
	if err := os.WriteFile(catalog, []byte(simulated), 0o600); err != nil {
		return nil, err
	}
	line := []string{"up", "--listen", "127.0.0.1:0", "--data", data, "--catalog", catalog, "--drain-ms", "5000", "--rate-limits=false"}
	l := &lazuli{process: exec.Command(program(), append(line, arguments...)...), ended: make(chan error, 1)}
	output, input, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	l.process.Stdout, l.process.Stderr = input, input
	l.process.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // a test that panics leaves nothing running
	launched, started := make(chan error, 1), make(chan struct{})
	go func() {
		runtime.LockOSThread() // the signal comes when the thread ends, not the process
		err := l.process.Start()
		input.Close()
		launched <- err
		if err == nil {
			l.watch(output, started)
		}
	}()
	if err := <-launched; err != nil {
		return nil, err
	}
	select {
	case <-started:
		err = l.find(data)
	case err = <-l.ended:
		return nil, fmt.Errorf("lazuli did not start: %v\n%s", err, l.log.String())
	case <-time.After(startLimit):
		err = errors.New("lazuli took too long to start")
	}
	if err != nil {
		l.stop()
		return nil, err
	}
	return l, nil
}

// watch reads the log to its end, and says when the service has started.
func (l *lazuli) watch(output io.Reader, started chan<- struct{}) {
	lines := bufio.NewScanner(output)
	for lines.Scan() {
		fmt.Fprintln(&l.log, lines.Text())
		if started != nil && strings.Contains(lines.Text(), " started ") {
			close(started)
			started = nil
		}
	}
	l.ended <- l.process.Wait()
}

// find asks `lazuli env` for the endpoint, and the service for its CA, as a user would.
func (l *lazuli) find(data string) error {
	text, err := exec.Command(program(), "env", "--data", data, "--format", "json").Output()
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, &l.variables); err != nil {
		return err
	}
	l.plain, l.endpoint = l.variables["LAZULI_ARM_ENDPOINT"], l.variables["AZURE_AUTHORITY_HOST"]
	answer, err := http.Get(l.plain + "/ca.pem")
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	authority, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(authority) {
		return fmt.Errorf("/ca.pem is no certificate: %s", authority)
	}
	l.client = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
	return nil
}

// stop asks it to end, and fails when it crashed, leaked (a sanitizer's report) or hangs.
func (l *lazuli) stop() error {
	if l.client != nil {
		l.client.CloseIdleConnections()
	}
	if err := l.process.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case err := <-l.ended:
		if err != nil {
			return fmt.Errorf("lazuli ended with %v:\n%s", err, l.log.String())
		}
		return nil
	case <-time.After(30 * time.Second):
		l.process.Process.Kill()
		<-l.ended
		return fmt.Errorf("lazuli did not end:\n%s", l.log.String())
	}
}

// options are what every client takes to find this service as its cloud. Nothing is tried again, so that a failure is seen.
func (l *lazuli) options() azcore.ClientOptions {
	return azcore.ClientOptions{
		Cloud: cloud.Configuration{
			ActiveDirectoryAuthorityHost: l.endpoint,
			Services: map[cloud.ServiceName]cloud.ServiceConfiguration{
				cloud.ResourceManager: {Audience: "https://management.azure.com", Endpoint: l.endpoint},
			},
		},
		Transport: l.client,
		Retry:     policy.RetryOptions{MaxRetries: -1},
	}
}

// credential is that of an application by its secret.
func (l *lazuli) credential(t *testing.T, clientID, secret string) azcore.TokenCredential {
	t.Helper()
	return must(azidentity.NewClientSecretCredential(l.variables["AZURE_TENANT_ID"], clientID, secret,
		&azidentity.ClientSecretCredentialOptions{ClientOptions: l.options(), DisableInstanceDiscovery: true}))(t)
}

// owner is the first service principal, which owns the subscription.
func (l *lazuli) owner(t *testing.T) azcore.TokenCredential {
	t.Helper()
	return l.credential(t, l.variables["AZURE_CLIENT_ID"], l.variables["AZURE_CLIENT_SECRET"])
}

// graph calls Microsoft Graph as the owner; there are no more than these few calls, so that its SDK is not used.
func (l *lazuli) graph(t *testing.T, path string, body any) map[string]any {
	t.Helper()
	request := must(http.NewRequest(http.MethodPost, l.endpoint+"/v1.0"+path, bytes.NewReader(must(json.Marshal(body))(t))))(t)
	request.Header.Set("Authorization", "Bearer "+token(t, l.owner(t), graphScope))
	request.Header.Set("Content-Type", "application/json")
	answer := must(l.client.Do(request))(t)
	defer answer.Body.Close()
	text := must(io.ReadAll(answer.Body))(t)
	if answer.StatusCode >= 300 {
		t.Fatalf("%s: %d %s", path, answer.StatusCode, text)
	}
	var document map[string]any
	if err := json.Unmarshal(text, &document); err != nil {
		t.Fatal(err)
	}
	return document
}

// application makes one with its service principal: its client id, the principal's object id, and a secret.
func (l *lazuli) application(t *testing.T, application map[string]any) (clientID, objectID, secret string) {
	t.Helper()
	made := l.graph(t, "/applications", application)
	password := map[string]any{"passwordCredential": map[string]any{"displayName": "test"}}
	secret = l.graph(t, "/applications/"+made["id"].(string)+"/addPassword", password)["secretText"].(string)
	clientID = made["appId"].(string)
	objectID = l.graph(t, "/servicePrincipals", map[string]any{"appId": clientID})["id"].(string)
	return clientID, objectID, secret
}

// must fails the test where a call did not succeed: must(f())(t).
func must[T any](value T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

func token(t *testing.T, credential azcore.TokenCredential, scope string) string {
	t.Helper()
	return must(credential.GetToken(context.Background(), policy.TokenRequestOptions{Scopes: []string{scope}}))(t).Token
}

func equal(t *testing.T, got, wanted any) {
	t.Helper()
	if !reflect.DeepEqual(got, wanted) {
		t.Fatalf("got %#v, wanted %#v", got, wanted)
	}
}
