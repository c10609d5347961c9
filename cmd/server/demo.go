//go:build !release

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"time"

	"groundwork/emulator"
	"groundwork/notify"
	"groundwork/onboarding"
	"groundwork/store"
	"groundwork/store/devpg"
	"groundwork/vault"
	"groundwork/web"
)

type demoCmd struct {
	Addr      string        `help:"Address of the site." default:"127.0.0.1:8080"`
	CloudAddr string        `help:"Address of the emulated cloud." default:"127.0.0.1:9191"`
	Data      string        `help:"Folder for the data between starts; default: groundwork/demo in the user's data folder, /var/lib/groundwork/demo for root."`
	Reset     bool          `help:"Start over: delete what an earlier demo made in the folder."`
	Speed     time.Duration `help:"How long emulated cloud operations take." default:"1s"`
	JSON      bool          `name:"json" help:"Print one line of JSON for scripts."`
	NoSamples bool          `help:"Leave out the forty sample onboardings."`
	Log       bool          `help:"Print the server's log."`
}

// demoMarker is a file in a folder that a demo made; without it, nothing in the folder is deleted.
const demoMarker = "groundwork-demo"

// demoPerson is somebody who can sign in to the demo.
type demoPerson struct {
	Email string `json:"email"`
	Role  string `json:"role"`
	Token string `json:"access_token"` // for the emulated cloud
}

// demoAddresses is what --json prints.
type demoAddresses struct {
	URL       string       `json:"url"`
	AdminURL  string       `json:"admin_url"`
	InviteURL string       `json:"invite_url"`
	CloudURL  string       `json:"cloud_url"`
	Database  string       `json:"database_url"`
	People    []demoPerson `json:"people"`
}

// Run starts everything, prints the addresses and serves until it is told to stop.
func (c demoCmd) Run(ctx context.Context, s streams) error {
	dir, err := c.folder()
	if err != nil {
		return err
	}
	if c.Reset {
		if err := resetDemo(dir); err != nil {
			return err
		}
	}
	if err := claimDemo(dir); err != nil {
		return err
	}
	log := slog.New(slog.DiscardHandler)
	if c.Log {
		log = slog.New(slog.NewTextHandler(s.Err, nil))
	}
	ln, err := listen(ctx, c.Addr)
	if err != nil {
		return err
	}
	defer ln.Close()

	pg, err := devpg.Start(ctx, devpg.Config{Dir: filepath.Join(dir, "postgres")})
	if err != nil {
		return err
	}
	defer pg.Stop()
	if err := pg.EnsureDatabase(ctx, "groundwork"); err != nil {
		return err
	}
	if err := store.Migrate(ctx, pg.URL(devpg.Owner, "groundwork")); err != nil {
		return err
	}
	keyset, err := demoKeyset(filepath.Join(dir, "keyset.json"))
	if err != nil {
		return err
	}
	base := "http://" + browserHost(ln.Addr())
	cloud, stopCloud, err := startEmulator(ctx, c.CloudAddr, filepath.Join(dir, "cloud"), c.Speed, []string{base})
	if err != nil {
		return err
	}
	defer stopCloud()
	seedWorld(cloud.Emulator)
	flags := siteFlags{
		BaseURL: base, DatabaseURL: pg.URL(store.WorkerLogin, "groundwork"), CustomerURL: pg.URL(store.CustomerLogin, "groundwork"), StaffURL: pg.URL(store.StaffLogin, "groundwork"), EmulatorURL: cloud.URL, Keys: keyFlags{Keyset: string(keyset)}, Keep: retentionFlags{ConsentTTL: 24 * time.Hour, InviteRetention: 30 * 24 * time.Hour}, WaitingTarget: 24 * time.Hour,
		Administrators: []string{kim.Email}, Specialists: []string{sam.Email}, Vendor: "Tecton", MaxConns: 20, MailFrom: "onboarding@vendor.example", Inbox: &notify.Inbox{}, Gallery: web.Gallery,
	}
	site, err := startSite(ctx, flags, ln, log)
	if err != nil {
		return err
	}
	defer site.stop()

	seed := seeder{site, cloud.Emulator}
	fresh, err := seed.empty(ctx)
	if err == nil {
		err = seed.settings(ctx)
	}
	if err != nil {
		return err
	}
	var invite string
	if fresh {
		invite, err = seed.first(ctx)
	} else {
		invite, err = seed.invite(ctx)
	}
	if err != nil {
		return err
	}
	c.print(s, demoAddresses{
		URL: base, AdminURL: base + "/admin", InviteURL: base + invite, CloudURL: cloud.URL, Database: flags.DatabaseURL,
		People: people(cloud.Emulator),
	}, dir)

	seeded := make(chan error, 1)
	if fresh && !c.NoSamples {
		go func() {
			err := seed.samples(ctx)
			if err == nil {
				err = ageSamples(ctx, pg.URL(devpg.Owner, "groundwork"))
			}
			seeded <- err
		}()
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-site.failed:
			return err
		case <-pg.Done():
			return errors.New("the private Postgres stopped; its log is in " + filepath.Join(dir, "postgres"))
		case err := <-seeded:
			if err != nil && ctx.Err() == nil {
				fmt.Fprintln(s.Err, "the samples are incomplete:", err)
			} else if err == nil {
				fmt.Fprintln(s.Err, "The sample onboardings are ready.")
			}
		}
	}
}

// people are the demo's people with a token each for the emulated cloud.
func people(e *emulator.Emulator) []demoPerson {
	var out []demoPerson
	for _, p := range []struct {
		who  emulator.Person
		role string
	}{
		{ada, string(onboarding.RoleCustomer)},
		{ben, string(onboarding.RoleColleague)},
		{sam, string(onboarding.RoleSpecialist)},
		{kim, string(onboarding.RoleAdministrator)},
	} {
		out = append(out, demoPerson{p.who.Email, p.role, e.Token(p.who.Email)})
	}
	return out
}

func (c demoCmd) print(s streams, a demoAddresses, dir string) {
	if c.JSON {
		enc := json.NewEncoder(s.Out)
		enc.SetEscapeHTML(false)
		_ = enc.Encode(a) // plain strings always marshal; a closed pipe ends the demo by signal
		return
	}
	fmt.Fprintf(s.Out, `
Groundwork is running, with an emulated Google Cloud.

  The customer's invite   %s
                          sign in as %s; the workspace's token is %s
  The specialists' page   %s
                          sign in as %s, or as %s to administer
  The mail                %s/demo/mail
  The emulated cloud      %s

  Everything is kept in %s. Ctrl-C stops all of it; --reset starts over.

`, a.InviteURL, ada.Email, sampleToken, a.AdminURL, sam.Email, kim.Email, a.URL, a.CloudURL, dir)
}

// folder is where the demo keeps its data.
func (c demoCmd) folder() (string, error) {
	if c.Data != "" {
		return filepath.Abs(c.Data)
	}
	if os.Geteuid() == 0 {
		return "/var/lib/groundwork/demo", nil // readable for the user that Postgres runs as
	}
	if dir := os.Getenv("XDG_DATA_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "groundwork", "demo"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("find a folder for the data; name one with --data: %w", err)
	}
	return filepath.Join(home, ".local", "share", "groundwork", "demo"), nil
}

// claimDemo makes the folder, or sees that it is empty or a demo's.
func claimDemo(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // the user of Postgres passes through it
		return fmt.Errorf("make the data folder; name another with --data: %w", err)
	}
	mark := filepath.Join(dir, demoMarker)
	if _, err := os.Stat(mark); err == nil {
		return nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("look into the data folder: %w", err)
	}
	if len(entries) > 0 {
		return fmt.Errorf("%s holds something that no demo made; name an empty folder with --data", dir)
	}
	return os.WriteFile(mark, []byte("Made by groundwork demo. --reset deletes this folder.\n"), 0o600)
}

// resetDemo deletes a demo's folder; what no demo made is left.
func resetDemo(dir string) error {
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if _, err := os.Stat(filepath.Join(dir, demoMarker)); err != nil {
		return fmt.Errorf("%s was not made by a demo, so nothing in it is deleted; name another folder with --data", dir)
	}
	if err := stoppedDemo(filepath.Join(dir, "postgres")); err != nil {
		return err
	}
	for _, part := range []string{"postgres", "cloud", "keyset.json", demoMarker} {
		if err := os.RemoveAll(filepath.Join(dir, part)); err != nil {
			return fmt.Errorf("delete %s: %w", part, err)
		}
	}
	return nil
}

// stoppedDemo sees that no demo uses the folder now.
func stoppedDemo(postgres string) error {
	if !devpg.Made(postgres) {
		return nil
	}
	if devpg.InUse(postgres) {
		return errors.New("a demo is using this folder: stop it first, or name another folder with --data")
	}
	return nil
}

// demoKeyset reads the demo's keyset, or makes one.
func demoKeyset(path string) ([]byte, error) {
	keyset, err := os.ReadFile(path)
	if err == nil {
		return completed(path, bytes.TrimSpace(keyset))
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read the demo's keyset: %w", err)
	}
	if keyset, err = vault.Generate(); err != nil {
		return nil, err
	}
	return keyset, os.WriteFile(path, keyset, 0o600)
}

// completed adds to a keyset of an earlier version the keys for what that version didn't do.
func completed(path string, keyset []byte) ([]byte, error) {
	v, err := vault.New(keyset)
	if err != nil {
		return nil, err
	}
	var missing []vault.Use
	for use, has := range map[vault.Use]bool{vault.Authenticates: v.Authenticates(), vault.Signs: v.Signs(), vault.Sessions: v.SealsSessions()} {
		if !has {
			missing = append(missing, use)
		}
	}
	if len(missing) == 0 {
		return keyset, nil
	}
	k, err := vault.ReadKeyset(keyset)
	if err != nil {
		return nil, err
	}
	for _, use := range missing {
		if _, err := k.Add(use); err != nil {
			return nil, err
		}
	}
	if keyset, err = k.JSON(); err != nil {
		return nil, err
	}
	return keyset, replaceFile(path, keyset)
}

// browserHost is a listener's address as a browser opens it.
func browserHost(a net.Addr) string {
	tcp, ok := a.(*net.TCPAddr)
	if !ok || !tcp.IP.IsUnspecified() {
		return a.String()
	}
	return fmt.Sprintf("127.0.0.1:%d", tcp.Port)
}
