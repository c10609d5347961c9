package emulator

// OAuthClient is an application that may sign people in.
type OAuthClient struct {
	ID        string   `json:"id"`
	Secret    string   `json:"secret,omitempty"` // "": a public client, held by PKCE alone
	Redirects []string `json:"redirects"`        // compared exactly
	// Testing makes refresh tokens die after seven days, as for an app that Google has not verified.
	Testing bool `json:"testing,omitempty"`
}
