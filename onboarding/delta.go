package onboarding

import (
	"slices"
	"strings"
)

// Delta is one thing about a resource that isn't as planned. Code and Args say which it is, for programs; Text says it as
// what a change would do: "turn on uniform access".
type Delta struct {
	Code string   `json:"code"` // "uniform-access"; "" in a plan of an earlier version
	Args []string `json:"args,omitempty"`
	Text string   `json:"-"` // stored apart: see [PlannedTask.MarshalJSON]
}

// DeltaAPI is the code of an API that is off; its only argument is the API.
const DeltaAPI = "api"

// Differs is a delta. The args distinguish it from others with its code, such as the label that is missing.
func Differs(code, text string, args ...string) Delta {
	return Delta{Code: code, Args: args, Text: text}
}

// Same reports whether two deltas are of the same thing, in whatever words. Of an earlier version's, only the words are known.
func (d Delta) Same(other Delta) bool {
	if d.Code == "" || other.Code == "" {
		return d.Text == other.Text
	}
	return d.Code == other.Code && slices.Equal(d.Args, other.Args)
}

// Shows reports whether each of the deltas is among the line's differences.
func (t PlannedTask) Shows(deltas []Delta) bool {
	return !slices.ContainsFunc(deltas, func(d Delta) bool { return !slices.ContainsFunc(t.Differences, d.Same) })
}

// InWords joins deltas for a sentence.
func InWords(deltas []Delta) string { return strings.Join(texts(deltas), "; ") }

func texts(deltas []Delta) []string {
	var out []string
	for _, d := range deltas {
		out = append(out, d.Text)
	}
	return out
}

// withTexts are the deltas of those texts. A plan of an earlier version has no codes.
func withTexts(codes []Delta, texts []string) []Delta {
	var out []Delta
	for i, text := range texts {
		d := Delta{Text: text}
		if len(codes) == len(texts) {
			d.Code, d.Args = codes[i].Code, codes[i].Args
		}
		out = append(out, d)
	}
	return out
}
