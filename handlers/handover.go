package handlers

import (
	"net/http"

	"groundwork/onboarding"
	"groundwork/web"
)

// handoverView is how the result of an onboarding's runs reaches the vendor.
func (s *Server) handoverView(v *visit) (web.HandoverView, error) {
	h, err := s.App.Handover(v.Context(), v.actor, v.id)
	if err != nil {
		return web.HandoverView{}, err
	}
	view := web.HandoverView{Onboarding: v.id, Deliveries: h.Deliveries, Tries: h.Tries, Way: web.WayOf(h.Settings), Staff: v.actor.Role.Staff()}
	view.MayConfirm = v.actor.Role == onboarding.RoleCustomer
	return view, nil
}

// confirmSecrets is the customer's word that they entered their secrets in the vendor's console.
func (s *Server) confirmSecrets(w http.ResponseWriter, v *visit) error {
	if v.form.Get("confirm") != "yes" {
		s.say(v.Context(), "Nothing was wiped. Select the checkbox once you have entered it, then confirm again.")
		return seeOther(w, v.Request, web.OnboardingPath(v.id, "done"))
	}
	err := s.App.ConfirmSecrets(v.Context(), v.actor, v.id, onboarding.DeliveryID(v.form.Get("delivery")))
	switch {
	case onboarding.ErrorCode(err) == onboarding.CodeConflict:
		s.say(v.Context(), sentence(err))
	case err != nil:
		return err
	default:
		s.say(v.Context(), "Thank you. Our sealed copy was wiped.")
	}
	return seeOther(w, v.Request, web.OnboardingPath(v.id, "done"))
}

// adminDeliver tries a delivery at once, or sends the record.
func (s *Server) adminDeliver(w http.ResponseWriter, v *visit) error {
	var err error
	if which := onboarding.DeliveryID(v.form.Get("delivery")); which != "" {
		err = s.App.SendAgain(v.Context(), v.actor, v.id, which)
	} else {
		err = s.App.SendRecord(v.Context(), v.actor, v.id)
	}
	switch code := onboarding.ErrorCode(err); {
	case code == onboarding.CodeConflict, code == onboarding.CodeInvalid:
		return s.toDetail(w, v, sentence(err))
	case err != nil:
		return err
	}
	return s.toDetail(w, v, "We are sending it. The log shows the answer.")
}
