package wizard

import (
	"net/url"
	"slices"
	"strings"

	"groundwork/onboarding"
)

// The fields of a webhook endpoint's form.
const (
	FieldWebhookURL     = "url"
	FieldWebhookKind    = "kind" // once for each kind of events
	FieldWebhookSecrets = "takes_secrets"
)

// WebhookForm is an endpoint as it was typed.
type WebhookForm struct {
	Webhook  onboarding.Webhook // address and choices; as typed where there are problems
	Problems Problems
}

// ParseWebhook reads the form of a webhook endpoint. Whether its address may be dialed is for the guard to say.
func ParseWebhook(form url.Values) WebhookForm {
	out := WebhookForm{Webhook: onboarding.Webhook{URL: form.Get(FieldWebhookURL), TakesSecrets: form.Get(FieldWebhookSecrets) == "yes"}}
	if address, problem := WebhookURL(out.Webhook.URL); problem != "" {
		out.Problems = append(out.Problems, Problem{FieldWebhookURL, problem})
	} else {
		out.Webhook.URL = address
	}
	chosen := form[FieldWebhookKind]
	for _, kind := range onboarding.WebhookKinds() {
		if slices.Contains(chosen, string(kind)) {
			out.Webhook.Kinds = append(out.Webhook.Kinds, kind)
		}
	}
	if len(out.Webhook.Kinds) == 0 && !out.Webhook.TakesSecrets {
		out.Problems = append(out.Problems, Problem{FieldWebhookKind, "Choose at least one kind of event, or the customers’ secrets"})
	}
	return out
}

// WebhookURL reads the address of a webhook endpoint, whose host may be private.
func WebhookURL(s string) (string, string) {
	if strings.TrimSpace(s) == "" {
		return "", "Enter the address of the endpoint"
	}
	return httpsURL(s, func(host string) string {
		if host == "" || strings.HasSuffix(host, ".") {
			return publicHost(host)
		}
		return ""
	})
}
