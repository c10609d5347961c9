package web

import (
	"time"

	"groundwork/onboarding"
	"groundwork/wizard"
)

// webhook is an endpoint with messages in several states.
func (s samples) webhook() WebhookView {
	f := s.staff()
	f.Role, f.Email = onboarding.RoleAdministrator, "kim@vendor.example"
	w := onboarding.Webhook{
		ID: "wh_k2v6xq3mt5wz7yab4cde", Version: 2, URL: "https://hooks.vendor.example/groundwork", Enabled: true, Secrets: 1, TakesSecrets: true,
		Kinds:    []onboarding.EventKind{onboarding.EventRunSucceeded, onboarding.EventRunBlocked, onboarding.EventRunFailed, onboarding.EventHandoverDelivered},
		SecretAt: s.now.Add(-50 * time.Hour), Pending: 1, GivenUp: 1, CreatedBy: f.Email, CreatedAt: s.now.Add(-50 * time.Hour),
	}
	try := func(id onboarding.DeliveryID, ago time.Duration, status int, answer, problem string) onboarding.DeliveryTry {
		return onboarding.DeliveryTry{Delivery: id, At: s.now.Add(-ago), Took: 84 * time.Millisecond, Request: "POST " + w.URL, Status: status, Answer: answer, Problem: problem}
	}
	const busy = "The address answered 503 Service Unavailable."
	body := `{"type":"run.succeeded","timestamp":"2026-11-22T10:16:00Z","data":{"actor_role":"system","customer":"Acme Analytics","deployment_name":"acme-production","onboarding":"ob_sample","run":"run_sample","sequence":41,"state":"succeeded"}}`
	return WebhookView{
		Frame: f, Saved: w, Webhook: w, SecretsByWebhook: true,
		Messages: []onboarding.WebhookMessage{
			{ID: "msg_b7n4rt2ysk5pd3fgh6jl", Webhook: w.ID, Onboarding: s.onboarding().ID, Kind: onboarding.EventRunSucceeded, Body: body, State: onboarding.MessagePending, Tries: 1, Problem: busy, NextAt: s.now.Add(30 * time.Second), CreatedAt: s.now.Add(-4 * time.Minute), Log: []onboarding.DeliveryTry{try("msg_b7n4rt2ysk5pd3fgh6jl", 4*time.Minute, 503, "down for maintenance", busy)}},
			{ID: "msg_c7n4rt2ysk5pd3fgh6jl", Webhook: w.ID, Kind: onboarding.WebhookTest, Body: `{"type":"test","timestamp":"2026-11-22T08:20:00Z","data":{"webhook":"wh_k2v6xq3mt5wz7yab4cde"}}`, State: onboarding.MessageDelivered, Tries: 1, CreatedAt: s.now.Add(-2 * time.Hour), EndedAt: s.now.Add(-2 * time.Hour), Log: []onboarding.DeliveryTry{try("msg_c7n4rt2ysk5pd3fgh6jl", 2*time.Hour, 204, "", "")}},
			{ID: "msg_d7n4rt2ysk5pd3fgh6jl", Webhook: w.ID, Onboarding: s.onboarding().ID, Kind: onboarding.EventRunFailed, Body: body, State: onboarding.MessageGivenUp, Tries: 22, Problem: "The address couldn't be reached.", CreatedAt: s.now.Add(-9 * 24 * time.Hour), EndedAt: s.now.Add(-4 * 24 * time.Hour), Log: []onboarding.DeliveryTry{try("msg_d7n4rt2ysk5pd3fgh6jl", 4*24*time.Hour, 0, "", "The address couldn't be reached.")}},
		},
	}
}

// webhookSecret is an endpoint that was just added.
func (s samples) webhookSecret() WebhookView {
	v := s.webhook()
	v.Secret, v.Messages, v.SecretsByWebhook = "whsec_c2FtcGxlIHNlY3JldCB0aGF0IHNpZ25zIG5vdGhpbmc=", nil, false
	v.Saved.Pending, v.Saved.GivenUp, v.Saved.CreatedAt, v.Saved.SecretAt = 0, 0, s.now, s.now
	v.Flash = "The endpoint was added. Copy its signing secret now: it won't be shown again."
	return v
}

// webhookBreaker is an endpoint in a rotation whose circuit breaker is open.
func (s samples) webhookBreaker() WebhookView {
	v := s.webhook()
	w := &v.Saved
	w.ID, w.URL, w.TakesSecrets, w.Secrets, w.Pending = "wh_m2v6xq3mt5wz7yab4cde", "https://events.vendor.example/in", false, 2, 14
	w.Failures, w.Problem, w.OpenedAt, w.ProbeAt = onboarding.BreakAfter+3, "The address couldn't be reached.", s.now.Add(-40*time.Minute), s.now.Add(3*time.Minute)
	v.Webhook = *w
	v.Messages = v.Messages[:1]
	return v
}

// webhookErrors is a new endpoint with problems.
func (s samples) webhookErrors() WebhookView {
	v := WebhookView{Frame: s.settings().Frame}
	v.Error = true
	v.Webhook.URL = "http://hooks.vendor.example"
	v.Problems = wizard.Problems{
		{Field: wizard.FieldWebhookURL, Message: "Use https:// instead of http://"},
		{Field: wizard.FieldWebhookKind, Message: "Choose at least one kind of event, or the customers’ secrets"},
	}
	return v
}
