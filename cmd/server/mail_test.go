package main

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"groundwork/notify"
	"groundwork/onboarding"
	"groundwork/store"
	"groundwork/store/pgtest"
	"groundwork/web"
)

// refusesFirst is a mail server that refuses the first message.
type refusesFirst struct {
	notify.Inbox
	tries atomic.Int32
}

func (r *refusesFirst) Send(ctx context.Context, m onboarding.Message) error {
	if r.tries.Add(1) == 1 {
		return errors.New("451 4.7.1 Try again later")
	}
	return r.Inbox.Send(ctx, m)
}

func TestTheWorkersSendMailAndTryAgainWhereItIsRefused(t *testing.T) {
	s := pgtest.Open(t, pgtest.NewDatabase(t), store.Config{Settings: map[string]string{onboarding.MailServer: "x", onboarding.SettingMailFrom: "onboarding@vendor.example"}})
	server := &refusesFirst{}
	mailer := &notify.Mailer{Ledger: s, Sender: server, Write: func(l onboarding.Letter) onboarding.Message { return web.Mail(l, "http://site.example") }}
	pool, err := startPool(t.Context(), s, nil, nil, mailer, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = pool.release(context.Background()) }()
	id, err := onboarding.NewID(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	actor := onboarding.Actor{Email: "sam@vendor.example", Role: onboarding.RoleSpecialist}
	if _, _, err := s.CreateOnboarding(t.Context(), actor, onboarding.NewOnboarding{ID: id, Customer: "Acme", OwnerEmail: "ada@customer.example", MailInvite: true}); err != nil {
		t.Fatal(err)
	}
	mail := func() onboarding.Mail {
		all, err := s.Mails(t.Context(), actor, id)
		if err != nil || len(all) != 1 {
			t.Fatalf("mails %+v, %v", all, err)
		}
		return all[0]
	}
	var refused onboarding.Mail
	for deadline := time.Now().Add(30 * time.Second); mail().State != onboarding.MailSent; time.Sleep(50 * time.Millisecond) {
		if m := mail(); m.Tries == 1 {
			refused = m
		}
		if time.Now().After(deadline) {
			t.Fatalf("never sent: %+v", mail())
		}
	}
	if refused.State != onboarding.MailQueued || refused.Problem != "451 4.7.1 Try again later" {
		t.Errorf("after the refusal: %+v", refused)
	}
	if messages := server.Messages(); len(messages) != 1 || messages[0].To != "ada@customer.example" {
		t.Errorf("messages %+v", messages)
	}
}
