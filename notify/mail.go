package notify

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/wneessen/go-mail"

	"groundwork/onboarding"
)

// MailLedger keeps the mails; *store.Store is one.
type MailLedger interface {
	// OpenMail begins a try and makes the token of an invite's link; CodeConflict for a mail that is not to be sent any more.
	OpenMail(ctx context.Context, mail int64) (onboarding.Letter, error)
	// EndMail records how a try ended; "" is without a problem.
	EndMail(ctx context.Context, mail int64, problem string, last bool) error
}

// Sender takes a message to its recipient. An error says why it didn't, without what gives access.
type Sender interface {
	Send(context.Context, onboarding.Message) error
}

// Mailer makes one try of a mail. Ledger, Sender and Write are needed.
type Mailer struct {
	Ledger MailLedger
	Sender Sender
	// Write is the text of a letter: subject, plain text, and the body's HTML.
	Write func(onboarding.Letter) onboarding.Message
	Log   *slog.Logger // nil: discarded
}

// Mail makes a try. An error has it tried again, unless it is the last.
func (m *Mailer) Mail(ctx context.Context, id int64, last bool) error {
	letter, err := m.Ledger.OpenMail(ctx, id)
	switch onboarding.ErrorCode(err) {
	case onboarding.CodeConflict, onboarding.CodeNotFound:
		return nil
	}
	if err != nil {
		return err
	}
	message := m.Write(letter)
	message.From, message.FromName, message.To = letter.Settings.Sender(), letter.Settings.Brand(), letter.To
	if message.ReplyTo == "" {
		message.ReplyTo = letter.Settings.Value(onboarding.SettingMailReplyTo)
	}
	if message.ReplyTo == "" && !letter.Mail.Kind.Staff() {
		message.ReplyTo = cmp.Or(letter.Specialist.Email, letter.Settings.Contact().Email)
	}
	sent := errors.New("mail is off: the mail server or the sender isn't set")
	if message.From != "" {
		sent = m.Sender.Send(ctx, message)
	}
	if ctx.Err() != nil {
		return ctx.Err() // this process stops; nobody knows whether it was sent
	}
	if sent == nil {
		return m.Ledger.EndMail(ctx, id, "", false)
	}
	if m.Log != nil {
		m.Log.Warn("a mail was not sent", "mail", id, "kind", letter.Mail.Kind, "last", last, "error", sent)
	}
	if err := m.Ledger.EndMail(ctx, id, brief(sent.Error()), last); err != nil {
		return err
	}
	return sent
}

// brief is what a server said, in one short line.
func brief(s string) string {
	s = strings.ToValidUTF8(strings.Join(strings.Fields(s), " "), "")
	if utf8.RuneCountInString(s) > 300 {
		s = string([]rune(s)[:299]) + "…"
	}
	return s
}

// MailBackoff is how long after a number of tries the next one is made: some seconds at first, then every few hours, for
// about four days in all.
func MailBackoff(tries int) time.Duration {
	return min(3*time.Hour, 5*time.Second<<min(max(tries-1, 0), 12))
}

// SMTP sends by a mail server.
type SMTP struct {
	host     string
	port     int
	implicit bool // TLS from the start, instead of STARTTLS
	plain    bool // a server on this machine may do without TLS
	user     string
	password string
}

// ParseSMTP reads smtp://user@host:587 (STARTTLS) or smtps://user@host:465; a sentence says what to fix.
func ParseSMTP(address, password string) (*SMTP, string) {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" || (u.Scheme != "smtp" && u.Scheme != "smtps") || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" {
		return nil, "SMTP_URL is not the address of a mail server. Write it as smtp://user@smtp.vendor.example:587, with the password in SMTP_PASSWORD or SMTP_PASSWORD_FILE"
	}
	s := &SMTP{host: u.Hostname(), port: 587, implicit: u.Scheme == "smtps", user: u.User.Username(), password: password}
	if s.implicit {
		s.port = 465
	}
	if p := u.Port(); p != "" {
		if _, err := fmt.Sscanf(p, "%d", &s.port); err != nil {
			return nil, "SMTP_URL has a port that is not a number"
		}
	}
	if given, ok := u.User.Password(); ok && password == "" {
		s.password = given
	}
	if s.user != "" && s.password == "" {
		return nil, "SMTP_PASSWORD is missing. Set the password of the user in SMTP_URL, or name a file in SMTP_PASSWORD_FILE"
	}
	ip := net.ParseIP(s.host)
	s.plain = s.host == "localhost" || ip != nil && ip.IsLoopback()
	return s, ""
}

// Server names the server, for people.
func (s *SMTP) Server() string { return net.JoinHostPort(s.host, fmt.Sprint(s.port)) }

const smtpTimeout = 30 * time.Second

func (s *SMTP) client() (*mail.Client, error) {
	options := []mail.Option{mail.WithPort(s.port), mail.WithTimeout(smtpTimeout)}
	switch {
	case s.implicit:
		options = append(options, mail.WithSSL())
	case s.plain:
		options = append(options, mail.WithTLSPolicy(mail.TLSOpportunistic))
	default:
		options = append(options, mail.WithTLSPolicy(mail.TLSMandatory))
	}
	if s.user != "" {
		options = append(options, mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover), mail.WithUsername(s.user), mail.WithPassword(s.password))
	}
	return mail.NewClient(s.host, options...)
}

// Send hands a message to the server.
func (s *SMTP) Send(ctx context.Context, m onboarding.Message) error {
	out := mail.NewMsg()
	if err := out.FromFormat(m.FromName, m.From); err != nil {
		return fmt.Errorf("sender %s: %w", m.From, err)
	}
	if err := out.To(m.To); err != nil {
		return fmt.Errorf("recipient: %w", err)
	}
	if m.ReplyTo != "" {
		if err := out.ReplyTo(m.ReplyTo); err != nil {
			return fmt.Errorf("reply to: %w", err)
		}
	}
	out.Subject(m.Subject)
	out.SetDate()
	out.SetMessageID()
	out.SetGenHeader("Auto-Submitted", "auto-generated")
	out.SetBodyString(mail.TypeTextPlain, m.Text)
	out.AddAlternativeString(mail.TypeTextHTML, m.HTML)
	client, err := s.client()
	if err != nil {
		return fmt.Errorf("set up the mail client: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, smtpTimeout)
	defer cancel()
	if err := client.DialAndSendWithContext(ctx, out); err != nil {
		said, _, _ := strings.Cut(err.Error(), ", affected recipient") // whom it was for is known
		return fmt.Errorf("%s: %s", s.Server(), said)
	}
	return nil
}

// Check connects, signs in and says goodbye.
func (s *SMTP) Check(ctx context.Context) error {
	client, err := s.client()
	if err == nil {
		ctx, cancel := context.WithTimeout(ctx, smtpTimeout)
		defer cancel()
		if err = client.DialWithContext(ctx); err == nil {
			return client.Close()
		}
	}
	return errors.New(brief(err.Error()))
}

// Inbox keeps messages instead of sending them: the demo's. It is safe for concurrent use.
type Inbox struct {
	mu       sync.Mutex
	messages []Delivered
}

// Delivered is a message with the time when it arrived.
type Delivered struct {
	At time.Time
	onboarding.Message
}

const inboxSize = 200

// Send keeps the message; the oldest make room.
func (i *Inbox) Send(_ context.Context, m onboarding.Message) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.messages = append(i.messages, Delivered{time.Now(), m})
	if n := len(i.messages); n > inboxSize {
		i.messages = i.messages[n-inboxSize:]
	}
	return nil
}

// Messages are those that arrived, newest first.
func (i *Inbox) Messages() []Delivered {
	i.mu.Lock()
	defer i.mu.Unlock()
	out := make([]Delivered, 0, len(i.messages))
	for n := len(i.messages) - 1; n >= 0; n-- {
		out = append(out, i.messages[n])
	}
	return out
}
