package notify_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"

	"groundwork/notify"
	"groundwork/onboarding"
)

// smtpServer is a mail server on loopback that refuses the first so many messages.
type smtpServer struct {
	address string
	mu      sync.Mutex
	refuse  int
	took    []string
}

func newSMTP(t *testing.T, refuse int) *smtpServer {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	s := &smtpServer{address: ln.Addr().String(), refuse: refuse}
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go s.talk(conn)
		}
	}()
	return s
}

func (s *smtpServer) talk(conn net.Conn) {
	defer conn.Close()
	r := bufio.NewReader(conn)
	say := func(line string) { fmt.Fprint(conn, line+"\r\n") }
	say("220 mail.example ESMTP")
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		switch verb, _, _ := strings.Cut(strings.ToUpper(strings.TrimSpace(line)), " "); verb {
		case "EHLO":
			say("250-mail.example\r\n250 8BITMIME")
		case "RCPT":
			s.mu.Lock()
			refuse := s.refuse > 0
			s.refuse--
			s.mu.Unlock()
			if refuse {
				say("451 4.7.1 Try again later")
			} else {
				say("250 OK")
			}
		case "DATA":
			say("354 go on")
			var body strings.Builder
			for {
				line, err := r.ReadString('\n')
				if err != nil || line == ".\r\n" {
					break
				}
				body.WriteString(line)
			}
			s.mu.Lock()
			s.took = append(s.took, body.String())
			s.mu.Unlock()
			say("250 queued")
		case "QUIT":
			say("221 bye")
			return
		default:
			say("250 OK")
		}
	}
}

// ledger remembers how the tries of one mail ended.
type ledger struct {
	letter onboarding.Letter
	gone   bool
	ended  []string
	last   bool
}

func (l *ledger) OpenMail(context.Context, int64) (onboarding.Letter, error) {
	if l.gone {
		return onboarding.Letter{}, onboarding.Errorf(onboarding.CodeConflict, "The mail no longer applied.")
	}
	return l.letter, nil
}

func (l *ledger) EndMail(_ context.Context, _ int64, problem string, last bool) error {
	l.ended, l.last = append(l.ended, problem), last
	return nil
}

func newLedger() *ledger {
	return &ledger{letter: onboarding.Letter{
		Mail: onboarding.Mail{ID: 7, Kind: onboarding.MailReminder, To: "ada@customer.example"}, Specialist: onboarding.Actor{Email: "sam@vendor.example"},
		Settings: onboarding.NewSettings(nil, map[string]string{onboarding.MailServer: "x", onboarding.SettingMailFrom: "onboarding@vendor.example"}),
	}}
}

func write(onboarding.Letter) onboarding.Message {
	return onboarding.Message{Subject: "Reminder: ácme is waiting", Text: "Plain words", HTML: "<p>Rich words</p>"}
}

func TestAServerThatRefusesIsTriedAgainAndNamed(t *testing.T) {
	t.Parallel()
	server := newSMTP(t, 1)
	smtp, problem := notify.ParseSMTP("smtp://"+server.address, "")
	if problem != "" {
		t.Fatal(problem)
	}
	l := newLedger()
	m := &notify.Mailer{Ledger: l, Sender: smtp, Write: write}
	if err := m.Mail(t.Context(), 7, false); err == nil || !strings.Contains(l.ended[0], `451 "4.7.1 Try again later"`) || strings.Contains(l.ended[0], "ada@") || !strings.Contains(l.ended[0], server.address) {
		t.Errorf("error %v, recorded %q", err, l.ended)
	}
	if err := m.Mail(t.Context(), 7, false); err != nil || l.ended[1] != "" {
		t.Fatalf("error %v, recorded %q", err, l.ended)
	}
	if len(server.took) != 1 {
		t.Fatalf("%d messages arrived", len(server.took))
	}
	for _, want := range []string{"From: \"Tecton\" <onboarding@vendor.example>", "To: <ada@customer.example>", "Reply-To: <sam@vendor.example>", "text/plain", "Plain words", "text/html", "<p>Rich words</p>", "Auto-Submitted: auto-generated"} {
		if !strings.Contains(server.took[0], want) {
			t.Errorf("the message lacks %q:\n%s", want, server.took[0])
		}
	}
	if err := smtp.Check(t.Context()); err != nil {
		t.Errorf("the check: %v", err)
	}
}

func TestTheLastTryGivesUpAndWhatIsUntrueIsNotSent(t *testing.T) {
	t.Parallel()
	l := newLedger()
	m := &notify.Mailer{Ledger: l, Sender: sender(func(onboarding.Message) error { return errors.New("refused\r\nBcc: " + strings.Repeat("x", 1000)) }), Write: write}
	if err := m.Mail(t.Context(), 7, true); err == nil || !l.last || strings.ContainsAny(l.ended[0], "\r\n") || len([]rune(l.ended[0])) > 300 {
		t.Errorf("error %v, last %v, recorded %q", err, l.last, l.ended)
	}
	l = newLedger()
	l.gone = true
	m.Ledger = l
	if err := m.Mail(t.Context(), 7, false); err != nil || len(l.ended) > 0 {
		t.Errorf("error %v, recorded %q", err, l.ended)
	}
	l = newLedger()
	l.letter.Settings = onboarding.Settings{}
	m.Ledger, m.Sender = l, nil
	if err := m.Mail(t.Context(), 7, false); err == nil || !strings.Contains(l.ended[0], "mail is off") {
		t.Errorf("with mail off: %v, recorded %q", err, l.ended)
	}
}

type sender func(onboarding.Message) error

func (s sender) Send(_ context.Context, m onboarding.Message) error { return s(m) }

func TestAddressesOfMailServers(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"smtp://smtp.vendor.example":               "smtp.vendor.example:587",
		"smtps://user@smtp.vendor.example":         "smtp.vendor.example:465",
		"smtp://user:given@smtp.vendor.example:25": "smtp.vendor.example:25",
		"smtp://user@smtp.vendor.example":          "smtp.vendor.example:587",
		"https://smtp.vendor.example":              "",
		"smtp.vendor.example":                      "",
		"smtp://smtp.vendor.example/path":          "",
	} {
		s, problem := notify.ParseSMTP(address, "password")
		if (problem == "") != (want != "") || s != nil && s.Server() != want {
			t.Errorf("%s: %v, %q", address, s, problem)
		}
	}
	if _, problem := notify.ParseSMTP("smtp://user@smtp.vendor.example", ""); !strings.HasPrefix(problem, "SMTP_PASSWORD is missing") {
		t.Errorf("without a password: %q", problem)
	}
	if first, later := notify.MailBackoff(1), notify.MailBackoff(30); first.Seconds() != 5 || later.Hours() != 3 {
		t.Errorf("waits %s, %s", first, later)
	}
}
