package resources_test

import (
	"bufio"
	"cmp"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/hcl/v2/hclparse"
	goredis "github.com/redis/go-redis/v9"

	"groundwork/onboarding"
	"groundwork/provisioner"
	"groundwork/provisioner/resources"
	"groundwork/provisioner/steptest"
)

const (
	redisHost     = "redis-12000.c1.us-west1.gcp.example"
	redisPassword = "sample-redis-password"
)

// authority is the certificate authority that this test binary trusts; its files are in authorityDir.
var authorityDir string

func TestMain(m *testing.M) { os.Exit(withAuthority(m)) }

func withAuthority(m *testing.M) int {
	dir, err := os.MkdirTemp("", "resources-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	authorityDir = dir
	if err := certificates(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	// The system's roots are read once, at the first use: here, so that no test sees others.
	if err := os.Setenv("SSL_CERT_FILE", filepath.Join(dir, "ca.crt")); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// certificates writes an authority and a certificate of redisHost.
func certificates(dir string) error {
	now := time.Now()
	write := func(name string, template, parent *x509.Certificate, signer *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey, error) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return nil, nil, err
		}
		if parent == nil {
			parent, signer = template, key
		}
		der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
		if err != nil {
			return nil, nil, err
		}
		private, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			return nil, nil, err
		}
		for file, block := range map[string]*pem.Block{name + ".crt": {Type: "CERTIFICATE", Bytes: der}, name + ".key": {Type: "PRIVATE KEY", Bytes: private}} {
			if err := os.WriteFile(filepath.Join(dir, file), pem.EncodeToMemory(block), 0o600); err != nil {
				return nil, nil, err
			}
		}
		cert, err := x509.ParseCertificate(der)
		return cert, key, err
	}
	ca, key, err := write("ca", &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}, nil, nil)
	if err != nil {
		return err
	}
	_, _, err = write("redis", &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: redisHost}, DNSNames: []string{redisHost}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}, ca, key)
	return err
}

// redisServer starts a real redis-server with TLS and returns its address and version.
func redisServer(t *testing.T, args ...string) (address, version string) {
	t.Helper()
	program, err := exec.LookPath("redis-server")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("redis-server is missing: apt-get install redis-server")
		}
		t.Skip("redis-server is missing: apt-get install redis-server")
	}
	// Cluster mode wants the port plus 10,000 too, so the port must be low enough.
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := listener.Addr().(*net.TCPAddr).Port
	_ = listener.Close()
	bus := port/2 + 1024
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, program, append([]string{
		"--port", "0", "--tls-port", strconv.Itoa(port), "--bind", "127.0.0.1", "--dir", t.TempDir(), "--save", "", "--loglevel", "warning",
		"--tls-cert-file", filepath.Join(authorityDir, "redis.crt"), "--tls-key-file", filepath.Join(authorityDir, "redis.key"),
		"--tls-ca-cert-file", filepath.Join(authorityDir, "ca.crt"), "--tls-auth-clients", "no", "--requirepass", redisPassword, "--cluster-port", strconv.Itoa(bus),
	}, args...)...)
	if err := cmd.Start(); err != nil {
		cancel()
		t.Fatalf("redis-server: %v", err)
	}
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait()
	})
	address = net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	client := goredis.NewClient(&goredis.Options{Addr: address, Password: redisPassword, TLSConfig: &tls.Config{ServerName: redisHost, MinVersion: tls.VersionTLS12}, MaxRetries: 50})
	defer func() { _ = client.Close() }()
	if err := client.Ping(t.Context()).Err(); err != nil {
		t.Fatalf("redis-server does not answer: %v", err)
	}
	info, err := client.Info(t.Context(), "server").Result()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(info) {
		if v, ok := strings.CutPrefix(strings.TrimSpace(line), "redis_version:"); ok {
			version = v
		}
	}
	if strings.Contains(strings.Join(args, " "), "--cluster-enabled yes") {
		if err := client.ClusterAddSlotsRange(t.Context(), 0, 16383).Err(); err != nil {
			t.Fatalf("slots: %v", err)
		}
		for range 200 {
			if state, err := client.ClusterInfo(t.Context()).Result(); err == nil && strings.Contains(state, "cluster_state:ok") {
				return address, version
			}
			// Asking is what passes the time: the server settles within some milliseconds.
			_ = client.Do(t.Context(), "WAIT", "1", "20").Err()
		}
		t.Fatal("the cluster's state does not become ok")
	}
	return address, version
}

func redisSpec(s *onboarding.Spec) {
	s.OnlineStore, s.Bigtable = onboarding.OnlineRedis, onboarding.BigtableSpec{}
	s.Redis = onboarding.RedisSpec{
		Endpoint: redisHost + ":12000", Token: onboarding.SecretSet, CIDR: "10.20.0.0/24",
		SparkNetwork: onboarding.VPC{Project: "acme-databricks", Network: "databricks-vpc"}, SparkProject: "redis-tenant-spark", SparkPeerNet: "redis-spark-network", ServingPeer: "redis-tenant", ServingPeerNet: "redis-network",
	}
	s.Vendor.ServingProject, s.Vendor.ServingNetwork = "tecton-serving", "serving-network"
}

func redisWorld(t *testing.T, address string) *steptest.World {
	t.Helper()
	spec := steptest.Spec()
	redisSpec(&spec)
	w := steptest.New(t, spec, []*provisioner.Step{resources.Redis})
	w.Secret(onboarding.PurposeRedisToken, redisPassword)
	if address != "" {
		w.Dial(redisHost, address)
	}
	return w
}

func TestARedisThatIsAsRequiredPasses(t *testing.T) {
	t.Parallel()
	address, version := redisServer(t, "--cluster-enabled", "yes", "--maxmemory-policy", "noeviction")
	w := redisWorld(t, address)
	major, _, _ := strings.Cut(version, ".")
	w.Spec.Vendor.RedisVersion = major + ".x"
	task := w.Task(w.Succeeds(w.Run()), "redis")
	if !logged(task, "answered over TLS, accepted the token") {
		t.Errorf("the log: %+v", task.Events)
	}
}

func TestARedisThatDiffersIsToldInWords(t *testing.T) {
	t.Parallel()
	address, version := redisServer(t, "--maxmemory-policy", "allkeys-lru")
	w := redisWorld(t, address)
	w.Spec.Vendor.RedisVersion = "6.x"
	w.Spec.Redis.AttestedBy = "Ada" // what can be tested is tested, whoever attested
	task := w.Task(w.Run(), "redis")
	if task.State != onboarding.TaskBlocked || task.Code != onboarding.CodeGuide || task.On != onboarding.PartyCustomer {
		t.Fatalf("redis is %s (%s) on %s: %s", task.State, task.Code, task.On, task.Message)
	}
	for _, want := range []string{"the server's version is " + version + ", wanted 6.x", "the OSS Cluster API is off", "the eviction policy is allkeys-lru, wanted noeviction"} {
		if !strings.Contains(task.Message, want) {
			t.Errorf("the words %q lack %q", task.Message, want)
		}
	}
}

// talkative is a server, with Redis's certificate, whose every value is 200 KB that begin with a link.
func talkative(t *testing.T) (address string) {
	t.Helper()
	cert, err := tls.LoadX509KeyPair(filepath.Join(authorityDir, "redis.crt"), filepath.Join(authorityDir, "redis.key"))
	if err != nil {
		t.Fatal(err)
	}
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	long := "https://login.elsewhere.example/" + strings.Repeat("x", 200<<10)
	bulk := func(text string) string { return fmt.Sprintf("$%d\r\n%s\r\n", len(text), text) }
	answers := map[string]string{
		"INFO": bulk("redis_version:" + long), "CLUSTER": bulk("cluster_state:" + long), "CONFIG": "*2\r\n" + bulk("maxmemory-policy") + bulk(long),
	}
	serve := func(c net.Conn) {
		defer c.Close()
		words := 0
		for in := bufio.NewScanner(c); in.Scan(); { // each word of a command is a line of its own, and begins none with * or $
			line := in.Text()
			switch {
			case strings.HasPrefix(line, "*"):
				words = 0
			case !strings.HasPrefix(line, "$"):
				if words++; words == 1 {
					_, _ = c.Write([]byte(cmp.Or(answers[line], "+OK\r\n")))
				}
			}
		}
	}
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			go serve(c)
		}
	}()
	return listener.Addr().String()
}

// The customer names the server, so it may answer with anything: little of it is kept.
func TestWhatARedisSaysIsCutShort(t *testing.T) {
	t.Parallel()
	w := redisWorld(t, talkative(t))
	w.Spec.Vendor.RedisVersion = "6.x"
	run := w.Run()
	task := w.Task(run, "redis")
	if !strings.Contains(task.Message, "the server's version is https://login.elsewhere.example/xxx") || !strings.Contains(task.Message, "…, wanted 6.x") || !strings.Contains(task.Message, "…, wanted noeviction") {
		t.Errorf("redis is %s: %.300s", task.State, task.Message)
	}
	if all, err := json.Marshal(run); err != nil || len(all) > 20<<10 {
		t.Errorf("the run takes %d bytes (%v)", len(all), err)
	}
}

func TestRedisRefusals(t *testing.T) {
	t.Parallel()
	address, _ := redisServer(t)
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = plain.Close() })
	go func() {
		for {
			c, err := plain.Accept()
			if err != nil {
				return
			}
			_, _ = c.Write([]byte("-ERR unencrypted\r\n"))
			_ = c.Close()
		}
	}()
	for name, c := range map[string]struct {
		address string
		prepare func(*steptest.World)
		says    string
		log     string // of a run that succeeds
	}{
		"a wrong token": {address, func(w *steptest.World) { w.Secret(onboarding.PurposeRedisToken, "wrong") }, "refused the authentication token", ""},
		"no TLS":        {plain.Addr().String(), func(*steptest.World) {}, "does not speak TLS", ""},
		"another's certificate": {address, func(w *steptest.World) {
			w.Spec.Redis.Endpoint = "other.example:12000"
			w.Dial("other.example", address)
		}, "the certificate is not trusted", ""},
		"a private endpoint":       {"", func(w *steptest.World) { w.Spec.Redis.Endpoint = "10.20.0.5:12000" }, "cannot be reached from here", ""},
		"a private one, attested":  {"", func(w *steptest.World) { w.Spec.Redis.Endpoint, w.Spec.Redis.AttestedBy = "10.20.0.5:12000", "Ada" }, "", "Ada attested"},
		"no endpoint yet":          {"", func(w *steptest.World) { w.Spec.Redis.Endpoint = "" }, "isn't in place yet", ""},
		"a token to come":          {address, func(w *steptest.World) { w.Spec.Redis.Token = onboarding.SecretLater }, "don't have the cluster's authentication token yet", ""},
		"a token that was wiped":   {address, (*steptest.World).HandOver, "", "wiped after the handover"},
		"one wiped before it":      {address, func(w *steptest.World) { w.Secret(onboarding.PurposeRedisToken, "") }, "was wiped before it was used", ""},
		"an endpoint without port": {"", func(w *steptest.World) { w.Spec.Redis.Endpoint = "redis.example" }, "not of the form host:port", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := redisWorld(t, c.address)
			c.prepare(w)
			run := w.Run()
			task := w.Task(run, "redis")
			switch {
			case c.says == "":
				w.Succeeds(run)
				if !logged(task, c.log) {
					t.Errorf("the log does not say %q: %+v", c.log, task.Events)
				}
			case task.State != onboarding.TaskBlocked || task.On != onboarding.PartyCustomer || !strings.Contains(task.Message, c.says):
				t.Errorf("redis is %s on %s: %q, want words with %q", task.State, task.On, task.Message, c.says)
			case strings.Contains(task.Message+task.Operator, redisPassword):
				t.Error("the password is in the words")
			}
		})
	}
}

// A server that answers with what no Redis says, or announces more than there is memory, is told in words.
func TestAHostileRedisIsOnlyThatCustomersProblem(t *testing.T) {
	t.Parallel()
	pair, err := tls.LoadX509KeyPair(filepath.Join(authorityDir, "redis.crt"), filepath.Join(authorityDir, "redis.key"))
	if err != nil {
		t.Fatal(err)
	}
	for name, reply := range map[string]string{
		"a list of two thousand million": "*2000000000\r\n", "a text of a hundred gigabytes": "$100000000000\r\n", "lists in lists": strings.Repeat("*1\r\n", 100_000),
		"an endless line": "+" + strings.Repeat("x", 2<<20), "a web server": "HTTP/1.1 400 Bad Request\r\n\r\n", "silence": "",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = l.Close() })
			go func() {
				for {
					c, err := l.Accept()
					if err != nil {
						return
					}
					_, _ = c.Read(make([]byte, 1024))
					_, _ = c.Write([]byte(reply)) // the client may hang up in the middle
					_ = c.Close()
				}
			}()
			w := redisWorld(t, l.Addr().String())
			task := w.Task(w.Run(), "redis")
			if task.State != onboarding.TaskFailed || task.Code != onboarding.CodeTimeout || !strings.Contains(task.Message, "does not answer like Redis") {
				t.Errorf("redis is %s (%s): %s", task.State, task.Code, task.Message)
			}
		})
	}
}

func TestTheRedisGuideHoldsTheValuesToExchange(t *testing.T) {
	t.Parallel()
	spec := steptest.Spec()
	redisSpec(&spec)
	var text, terraform string
	for _, i := range resources.Redis.Guide(spec) {
		text += i.Text + "\n" + i.Code + "\n"
		if strings.Contains(i.Code, "resource ") {
			terraform = i.Code
		}
	}
	for _, want := range []string{
		"10.20.0.0/24", "us-west1",
		"gcp_project_id = acme-databricks\ngcp_network_name = databricks-vpc\n",
		"gcloud compute networks peerings create tecton-redis --project=acme-databricks --network=databricks-vpc --peer-project=redis-tenant-spark --peer-network=redis-spark-network\n",
		"gcp_project_id = tecton-serving\ngcp_network_name = serving-network\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the guide lacks %q:\n%s", want, text)
		}
	}
	if strings.Contains(text, "gcp_project_id = redis-tenant") || strings.Contains(terraform, "redis-tenant") {
		t.Error("the guide gives Redis's own project as one to peer with")
	}
	if _, diags := hclparse.NewParser().ParseHCL([]byte(terraform), "main.tf"); diags.HasErrors() {
		t.Errorf("the Terraform does not parse: %v\n%s", diags, terraform)
	}
	for _, want := range []string{
		`payment_method = "marketplace"`, `provider = "GCP"`, `multiple_availability_zones = true`, `replication = true`, `support_oss_cluster_api = true`,
		`external_endpoint_for_oss_cluster_api = true`, `enable_tls = true`, `data_eviction = "noeviction"`,
		`"rediscloud_subscription_peering" "databricks" { subscription_id = rediscloud_subscription.tecton.id provider_name = "GCP" gcp_project_id = "acme-databricks" gcp_network_name = "databricks-vpc" }`,
		`"rediscloud_subscription_peering" "serving" { subscription_id = rediscloud_subscription.tecton.id provider_name = "GCP" gcp_project_id = "tecton-serving" gcp_network_name = "serving-network" }`,
		`network = "projects/acme-databricks/global/networks/databricks-vpc" peer_network = "https://www.googleapis.com/compute/v1/projects/${rediscloud_subscription_peering.databricks.gcp_redis_project_id}/global/networks/${rediscloud_subscription_peering.databricks.gcp_redis_network_name}"`,
	} {
		if !strings.Contains(strings.Join(strings.Fields(terraform), " "), want) {
			t.Errorf("the Terraform lacks %s:\n%s", want, terraform)
		}
	}
}
