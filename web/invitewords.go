package web

import (
	"groundwork/onboarding"
)

func (v SignInView) signFrame() Frame {
	f := v.Frame.titled("Sign in")
	f.Error = f.Error || v.Problem != ""
	return f
}

// over reports whether a colleague's access has ended.
func (f Frame) over(c onboarding.Colleague) bool {
	return !f.Now.IsZero() && !c.Until.After(f.Now)
}

// sendsStep reports whether the customer can send the step to a colleague, or has the link to do so.
func (v ConnectView) sendsStep() bool { return v.Colleague.Action != "" || v.Colleague.Link != "" }

func (v ConnectView) connectFrame() Frame {
	f := v.Frame.titled("Connect Google Cloud")
	f.Error = f.Error || len(v.Colleague.Problems) > 0 || len(v.Unticked) > 0
	return f
}

// onlyFor says who may use the link, at the end of a sentence.
func (l InviteLink) onlyFor() string {
	if domain := l.To.Domain(); domain != "" {
		return "for the first person who signs in with an address at " + domain
	}
	return "only for " + string(l.To)
}

func (v InviteView) worksOnce() string {
	if domain := v.Invited.Domain(); domain != "" {
		return "An invitation works once, and someone at " + domain + " accepted this one."
	}
	return "An invitation works once."
}

func (v InviteView) signInAs() string {
	if domain := v.Invited.Domain(); domain != "" {
		return "with your address at " + domain
	}
	return "as " + string(v.Invited)
}

func (v InviteView) otherAccount() string {
	if domain := v.Invited.Domain(); domain != "" {
		return "Sign out, then sign in with an address that ends in @" + domain + "."
	}
	return "Sign out, then sign in with the invited account."
}
