package e2e

import (
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"

	"github.com/zitadel/oidc/v3/example/server/exampleop"
	"github.com/zitadel/oidc/v3/example/server/storage"
	"github.com/zitadel/oidc/v3/pkg/op"

	"groundwork/store/pgtest"
)

// person is the only user of an OpenID provider that we did not write.
type person struct{ user storage.User }

func (p person) GetUserByID(id string) *storage.User {
	if id == p.user.ID {
		return &p.user
	}
	return nil
}

func (p person) GetUserByUsername(name string) *storage.User {
	if name == p.user.Username {
		return &p.user
	}
	return nil
}

func (person) ExampleClientID() string { return "service" }

// People sign in through an OpenID provider that is neither Google nor ours.
func TestSignInThroughAnotherProvider(t *testing.T) {
	db := pgtest.NewDatabase(t)
	keyset, err := exec.Command(binary, "keygen").Output()
	if err != nil {
		t.Fatal(err)
	}
	site := freeAddr(t)
	const email = "kim@vendor.example"
	store := storage.NewStorage(person{storage.User{
		ID: "kim", Username: "kim", Password: "sample-password", FirstName: "Kim", LastName: "Sample", Email: email, EmailVerified: true,
	}})
	storage.RegisterClients(storage.WebClient("groundwork", "sample-secret", "http://"+site+"/signin/callback"))
	provider := httptest.NewUnstartedServer(nil)
	issuer := "http://" + provider.Listener.Addr().String()
	provider.Config.Handler = exampleop.SetupServer(issuer, store, nil, false, op.WithAllowInsecure())
	provider.Start()
	t.Cleanup(provider.Close)

	start(t, []string{
		"ADDR=" + site, "BASE_URL=http://" + site, "DATABASE_URL=" + db.WorkerURL, "DATABASE_CUSTOMER_URL=" + db.CustomerURL, "DATABASE_STAFF_URL=" + db.StaffURL, "GOOGLE_ISSUER=" + issuer,
		"GOOGLE_CLIENT_ID=groundwork", "GOOGLE_CLIENT_SECRET=sample-secret", "KEYSET=" + string(keyset), "ADMINISTRATORS=" + email,
	}, "serve")
	ready(t, "http://"+site)

	kim := newVisitor(t, email)
	kim.open("http://" + site + "/admin")
	kim.follow("Sign in")
	if !strings.HasPrefix(kim.at.String(), issuer+"/login/") {
		kim.fatal("want the provider's own page")
	}
	id, _ := kim.page.Find("input[name=id]").Attr("value")
	kim.submit("Login", "username", "kim", "password", "sample-password", "id", id)
	kim.must("/admin")
	if !strings.Contains(kim.body, "Onboardings") {
		kim.fatal("want the specialists' list")
	}
}
