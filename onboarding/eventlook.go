package onboarding

// The kinds of events about who saw what. A person's event with the same payload is in the history once a day.
const (
	EventOnboardingViewed EventKind = "onboarding.viewed"
	EventFileDownloaded   EventKind = "file.downloaded"
	EventAccessRefused    EventKind = "access.refused"
)

// OnboardingViewed says that one of the vendor's people opened a page of the onboarding, for the first time that day.
type OnboardingViewed struct{}

// FileDownloaded says that the actor downloaded a file, for the first time that day.
type FileDownloaded struct {
	File string `json:"file"` // the last part of its address: "audit.json", "outputs.json"
}

// AccessRefused says that the actor tried an action that their role doesn't allow, for the first time that day.
type AccessRefused struct {
	Route string `json:"route"` // method and pattern: "POST /o/{id}/teardown"
}

func (OnboardingViewed) Kind() EventKind { return EventOnboardingViewed }
func (FileDownloaded) Kind() EventKind   { return EventFileDownloaded }
func (AccessRefused) Kind() EventKind    { return EventAccessRefused }
