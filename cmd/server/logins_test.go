package main

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"groundwork/store"
	"groundwork/store/pgtest"
	"groundwork/vault"
)

// An installation with the one login of earlier versions goes on, and is told how to separate the logins. One whose login
// is the background's alone doesn't start.
func TestServeSaysWhichLoginsAreMissing(t *testing.T) {
	db := pgtest.NewDatabase(t)
	cloud, stop, err := startEmulator(t.Context(), "127.0.0.1:0", "", 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	keyset, err := vault.Generate()
	if err != nil {
		t.Fatal(err)
	}
	const customers, workers = "customers' requests use a database login that can become staff", "the workers' database login can become staff"
	for name, c := range map[string]struct {
		database, customer, staff string
		refused                   string
		warned                    []string
	}{
		"three logins":                     {db.WorkerURL, db.CustomerURL, db.StaffURL, "", nil},
		"one login":                        {db.URL, "", "", "", []string{customers, workers}},
		"one for customers":                {db.URL, db.CustomerURL, "", "", []string{workers}},
		"three, and workers as before":     {db.URL, db.CustomerURL, db.StaffURL, "", []string{workers}},
		"the workers' alone":               {db.WorkerURL, "", "", "DATABASE_STAFF_URL", nil},
		"the workers' and customers'":      {db.WorkerURL, db.CustomerURL, "", "DATABASE_STAFF_URL", nil},
		"the workers' and the staff's":     {db.WorkerURL, "", db.StaffURL, "DATABASE_CUSTOMER_URL", nil},
		"customers as one that may become": {db.WorkerURL, db.URL, db.StaffURL, store.CustomerLogin, nil},
		"staff as one that may become":     {db.WorkerURL, db.CustomerURL, db.URL, store.StaffLogin, nil},
	} {
		ln, err := listen(t.Context(), "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		var told bytes.Buffer
		running, err := startSite(t.Context(), siteFlags{
			BaseURL: "http://" + ln.Addr().String(), DatabaseURL: c.database, CustomerURL: c.customer, StaffURL: c.staff, EmulatorURL: cloud.URL,
			Keys: keyFlags{Keyset: string(keyset)}, Administrators: []string{kim.Email}, Vendor: "Tecton", MaxConns: 6,
		}, ln, slog.New(slog.NewTextHandler(&told, &slog.HandlerOptions{Level: slog.LevelWarn})))
		if err == nil {
			running.stop()
		}
		if (err != nil) != (c.refused != "") || err != nil && !strings.Contains(err.Error(), c.refused) {
			t.Errorf("%s: %v, want %q", name, err, c.refused)
		}
		for _, warning := range []string{customers, workers} {
			want := false
			for _, w := range c.warned {
				want = want || w == warning
			}
			if strings.Contains(told.String(), warning) != want {
				t.Errorf("%s: warned of %q %v, want %v", name, warning, !want, want)
			}
		}
	}
}
