package store_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"groundwork/onboarding"
	"groundwork/store"
	"groundwork/store/devpg"
)

// authority signs certificates.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  string
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	a := &authority{t: t, key: key, cert: &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "sample CA"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}}
	der, err := x509.CreateCertificate(rand.Reader, a.cert, a.cert, key.Public(), key)
	must(t, err)
	a.cert, err = x509.ParseCertificate(der)
	must(t, err)
	a.pem = encode("CERTIFICATE", der)
	return a
}

func encode(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

func (a *authority) issue(name string, until time.Time, ips ...net.IP) (cert, key string) {
	a.t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(a.t, err)
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: until,
		IPAddresses: ips, KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, a.cert, private.Public(), a.key)
	must(a.t, err)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	must(a.t, err)
	return encode("CERTIFICATE", der), encode("PRIVATE KEY", pkcs8)
}

// The three logins connect with certificates of their own and no password, each with its own name alone.
func TestEachLoginConnectsWithACertificateAndNoPassword(t *testing.T) {
	t.Parallel()
	ctx, dir := t.Context(), t.TempDir()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	port := free.Addr().(*net.TCPAddr).Port
	must(t, free.Close())
	data, err := os.MkdirTemp("/tmp", "gw-clientcert-") //nolint:usetesting // the user that Postgres runs as can't enter t.TempDir
	must(t, err)
	pg, err := devpg.Start(ctx, devpg.Config{Dir: data, Fast: true, Ephemeral: true, Listen: "127.0.0.1:" + strconv.Itoa(port)})
	if errors.Is(err, devpg.ErrNoBinaries) && os.Getenv("CI") != "true" {
		t.Skip(err)
	}
	must(t, err)
	t.Cleanup(func() { must(t, pg.Stop()) })
	owner, err := pgx.Connect(ctx, pg.URL(devpg.Owner, "postgres"))
	must(t, err)
	t.Cleanup(func() { _ = owner.Close(context.WithoutCancel(ctx)) })
	must(t, store.Migrate(ctx, pg.URL(devpg.Owner, "postgres")))

	ca, other := newAuthority(t), newAuthority(t)
	cert, key := ca.issue("db", time.Now().Add(time.Hour), net.IPv4(127, 0, 0, 1))
	const rules = "local all all trust\nhostssl all all 127.0.0.1/32 cert clientcert=verify-full\n"
	for name, text := range map[string]string{"ca.pem": ca.pem, "server.pem": cert, "server.key": key, "pg_hba.conf": rules} {
		// Postgres refuses a key that isn't its user's alone, so that user writes it.
		_, err := owner.Exec(ctx, fmt.Sprintf(`COPY (SELECT '%s') TO PROGRAM 'umask 077; base64 -d > %s'`, base64.StdEncoding.EncodeToString([]byte(text)), name))
		must(t, err)
	}
	for _, sql := range []string{
		"ALTER SYSTEM SET ssl_ca_file = 'ca.pem'", "ALTER SYSTEM SET ssl_cert_file = 'server.pem'", "ALTER SYSTEM SET ssl_key_file = 'server.key'", "ALTER SYSTEM SET ssl = on",
		"SELECT pg_reload_conf()",
	} {
		_, err := owner.Exec(ctx, sql)
		must(t, err)
	}
	keep := func(name, text string) string {
		path := filepath.Join(dir, name)
		must(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	root := keep("root.pem", ca.pem)
	address := func(login, cert, key string) string {
		q := url.Values{"sslmode": {"verify-full"}, "sslrootcert": {root}}
		if cert != "" {
			q.Set("sslcert", keep(login+".pem", cert))
			q.Set("sslkey", keep(login+".key", key))
		}
		u := url.URL{Scheme: "postgres", User: url.User(login), Host: "127.0.0.1:" + strconv.Itoa(port), Path: "/postgres", RawQuery: q.Encode()}
		return u.String()
	}
	login := func(name string) string {
		cert, key := ca.issue(name, time.Now().Add(time.Hour))
		return address(name, cert, key)
	}
	cfg := store.Config{URL: login(store.WorkerLogin), CustomerURL: login(store.CustomerLogin), StaffURL: login(store.StaffLogin), MaxConns: 6}
	var s *store.Store
	for began := time.Now(); ; time.Sleep(50 * time.Millisecond) { // Postgres reads its settings again in its own time
		if s, err = store.Open(ctx, cfg); err == nil || time.Since(began) > patience {
			break
		}
	}
	must(t, err)
	t.Cleanup(s.Close)
	ob := begin(t, s, ada, onboarding.VendorValues{})
	for _, who := range []onboarding.Actor{ada, sam, onboarding.System} {
		_, err := s.Onboarding(ctx, who, ob.ID)
		must(t, err)
	}
	newWorker(t, s)

	expired, itsKey := ca.issue(store.WorkerLogin, time.Now().Add(-time.Minute))
	foreign, foreignKey := other.issue(store.WorkerLogin, time.Now().Add(time.Hour))
	customers, customersKey := ca.issue(store.CustomerLogin, time.Now().Add(time.Hour))
	for name, c := range map[string]struct{ cert, key string }{
		"none":                {},
		"an expired one":      {expired, itsKey},
		"another authority's": {foreign, foreignKey},
		"another login's":     {customers, customersKey},
	} {
		conn, err := pgx.Connect(ctx, address(store.WorkerLogin, c.cert, c.key))
		for range 9 { // a server that refuses may close the connection before its reason is read
			if err == nil || !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, syscall.EPIPE) {
				break
			}
			conn, err = pgx.Connect(ctx, address(store.WorkerLogin, c.cert, c.key))
		}
		if err == nil {
			_ = conn.Close(ctx)
			t.Errorf("with %s, it connects", name)
		} else if !strings.Contains(err.Error(), "certificate") {
			t.Errorf("with %s: %v", name, err)
		}
	}
}
