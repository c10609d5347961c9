package handlers

import (
	"errors"
	"net/http"
	"strconv"

	"github.com/go-chi/chi/v5"

	"groundwork/onboarding"
	"groundwork/web"
	"groundwork/wizard"
)

// keyWebhookSecret is where a signing secret waits for the page that shows it once.
const keyWebhookSecret = "webhook_secret"

// shownOnce is a signing secret for the page of its endpoint.
type shownOnce struct {
	Webhook onboarding.WebhookID
	Secret  string
}

func (v *visit) webhook() onboarding.WebhookID {
	return onboarding.WebhookID(chi.URLParam(v.Request, "hook"))
}

func (s *Server) webhookNew(w http.ResponseWriter, v *visit) error {
	view := web.WebhookView{Frame: s.adminFrame(v, "New webhook endpoint", "settings")}
	if k := s.typed(v); k != nil {
		view.Webhook = wizard.ParseWebhook(k.Form).Webhook
		view.Flash = "You signed in again. The endpoint isn’t saved yet."
	}
	return s.draw(w, v.Request, http.StatusOK, web.WebhookPage(view))
}

// webhookView is an endpoint with its log.
func (s *Server) webhookView(v *visit, id onboarding.WebhookID) (web.WebhookView, error) {
	view := web.WebhookView{Frame: s.adminFrame(v, "Webhook endpoint", "settings")}
	var err error
	if view.Saved, view.Messages, err = s.App.Webhook(v.Context(), v.actor, id); err != nil {
		return view, err
	}
	view.Webhook = view.Saved
	settings, err := s.App.Settings(v.Context())
	view.SecretsByWebhook = settings.SecretsTo() == onboarding.SecretsByWebhook
	return view, err
}

func (s *Server) webhookPage(w http.ResponseWriter, v *visit) error {
	view, err := s.webhookView(v, v.webhook())
	if err != nil {
		return err
	}
	var once shownOnce
	if s.takeSealed(v, keyWebhookSecret, &once, func() bool { return once.Webhook == view.Saved.ID }) {
		view.Secret = once.Secret
	}
	if k := s.typed(v); k != nil && k.Form.Has(wizard.FieldWebhookURL) {
		typed := wizard.ParseWebhook(k.Form).Webhook
		view.Webhook.URL, view.Webhook.Kinds, view.Webhook.TakesSecrets = typed.URL, typed.Kinds, typed.TakesSecrets
		view.Flash = "You signed in again. Your changes aren’t saved yet."
	}
	return s.draw(w, v.Request, http.StatusOK, web.WebhookPage(view))
}

// webhookSave adds an endpoint, or saves one.
func (s *Server) webhookSave(w http.ResponseWriter, v *visit) error {
	id := v.webhook()
	version, err := strconv.Atoi(v.form.Get(web.FieldVersion))
	if err != nil {
		version = -1 // no version that anyone saw
	}
	read, secret, err := s.App.SaveWebhook(v.Context(), v.actor, id, version, v.form)
	if errors.Is(err, onboarding.ErrSentBefore) {
		s.say(v.Context(), sentence(err))
		return seeOther(w, v.Request, web.WebhookPath(read.Webhook.ID))
	}
	switch onboarding.ErrorCode(err) {
	case onboarding.CodeInvalid, onboarding.CodeConflict, onboarding.CodeStale:
		view := web.WebhookView{Frame: s.adminFrame(v, "New webhook endpoint", "settings")}
		if id != "" {
			var drawn error
			if view, drawn = s.webhookView(v, id); drawn != nil {
				return drawn
			}
		}
		typed := read.Webhook
		view.Path, view.Error = web.WebhookPath(id), true
		view.Webhook.URL, view.Webhook.Kinds, view.Webhook.TakesSecrets, view.Problems = typed.URL, typed.Kinds, typed.TakesSecrets, read.Problems
		status := http.StatusUnprocessableEntity
		if len(read.Problems) == 0 {
			view.Problems, status = wizard.Problems{{Message: sentence(err)}}, http.StatusConflict
		}
		return s.draw(w, v.Request, status, web.WebhookPage(view))
	}
	if err != nil {
		return err
	}
	if id != "" {
		s.say(v.Context(), "The endpoint was saved.")
		return seeOther(w, v.Request, web.WebhookPath(id))
	}
	return s.showOnce(w, v, read.Webhook.ID, secret, "The endpoint was added. Copy its signing secret now: it won't be shown again.")
}

// showOnce leads to the page that shows a signing secret.
func (s *Server) showOnce(w http.ResponseWriter, v *visit, id onboarding.WebhookID, secret onboarding.Secret, said string) error {
	if err := s.putSealed(v.Context(), keyWebhookSecret, shownOnce{id, secret.Reveal()}); err != nil {
		return err
	}
	s.say(v.Context(), said)
	return seeOther(w, v.Request, web.WebhookPath(id))
}

// webhookChange saves an endpoint, or does what a button says.
func (s *Server) webhookChange(w http.ResponseWriter, v *visit) error {
	ctx, id := v.Context(), v.webhook()
	act := web.WebhookAct(v.form.Get(web.FieldAct))
	said := web.WebhookDone[act]
	var err error
	switch act {
	case web.WebhookRotate:
		keyChanged(ctx)
		secret, err := s.App.RotateWebhook(ctx, v.actor, id)
		if err == nil {
			return s.showOnce(w, v, id, secret, said)
		}
		return s.webhookRefused(w, v, err)
	case web.WebhookDrop:
		keyChanged(ctx)
		err = s.App.DropWebhookSecret(ctx, v.actor, id)
	case web.WebhookEnable, web.WebhookDisable:
		err = s.App.EnableWebhook(ctx, v.actor, id, act == web.WebhookEnable)
	case web.WebhookSendTest:
		err = s.App.TestWebhook(ctx, v.actor, id)
	case web.WebhookReplay:
		err = s.App.ReplayMessage(ctx, v.actor, id, onboarding.DeliveryID(v.form.Get("message")))
	case web.WebhookRemove:
		if v.form.Get("confirm") != "yes" {
			s.say(ctx, "Nothing was removed. Select the checkbox, then press Remove again.")
			return seeOther(w, v.Request, web.WebhookPath(id))
		}
		if err = s.App.RemoveWebhook(ctx, v.actor, id); err == nil {
			s.say(ctx, said)
			return seeOther(w, v.Request, "/admin/settings#webhooks")
		}
	default:
		return s.webhookSave(w, v)
	}
	if err != nil {
		return s.webhookRefused(w, v, err)
	}
	s.say(ctx, said)
	return seeOther(w, v.Request, web.WebhookPath(id))
}

// webhookRefused says on the endpoint's page why a button did nothing.
func (s *Server) webhookRefused(w http.ResponseWriter, v *visit, err error) error {
	if onboarding.ErrorCode(err) != onboarding.CodeConflict {
		return err
	}
	s.say(v.Context(), sentence(err))
	return seeOther(w, v.Request, web.WebhookPath(v.webhook()))
}
