package web

import (
	"strconv"
)

// statusWords are the heading and the sentence of an HTTP status.
var statusWords = map[int][2]string{
	400: {"This request can't be read", "Go back, load the page again, and try once more."},
	401: {"Sign in to continue", "Your session has ended. Sign in to continue where you left off."},
	403: {"This isn't for your account", "You're signed in, but this account can't do this. Ask the person who invited you, or sign in with a different account."},
	404: {"This page doesn't exist", "The address may be mistyped, or the page belongs to another account. Open it from the start page."},
	405: {"This action isn't available here", "Open the page from the start page and use its buttons."},
	409: {"This has changed", "Someone else, or another tab, saved first. Reload the page to see the latest version. Nothing was lost."},
	410: {"This link was used or has expired", "Ask the person who sent it for a new one. Nothing was lost."},
	413: {"That's too much at once", "Shorten what you entered and send it again."},
	422: {"Something needs a correction", "Go back and correct what you entered."},
	429: {"Too many requests", "Wait a minute, then try again."},
	500: {"Something went wrong on our side", "Nothing you entered is lost. Try again in a minute. If it keeps happening, ask for help."},
	503: {"Not available right now", "We're restarting, or a service that we need isn't responding. Try again in a minute. Runs continue on their own."},
}

func (v MessageView) words() [2]string {
	if w, ok := statusWords[v.Status]; ok {
		return w
	}
	if v.Status >= 500 {
		return statusWords[500]
	}
	return statusWords[400]
}

func (v MessageView) heading() string { return orText(v.Heading, v.words()[0]) }

func (v MessageView) text() string { return orText(v.Text, v.words()[1]) }

func (v MessageView) number() string { return "Error " + strconv.Itoa(v.Status) }
