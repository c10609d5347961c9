// Package web draws Groundwork's pages: templ components from view structs, the style sheet and the few scripts.
//
// It knows no store, no HTTP handlers and no cloud. A view struct holds everything its page shows; the caller
// has decided who may see it. The zero value of an optional part leaves that part out.
package web

import (
	"net/url"
	"time"

	"groundwork/onboarding"
	"groundwork/wizard"
)

// Frame is what every page has around it: the bar, the title, the theme.
type Frame struct {
	Title     string             // of the page, without the brand; also the browser tab's. The page's h1 may differ
	Brand     string             // the vendor's name; "" draws "Groundwork"
	Customer  string             // company in the bar, "" for none
	Viewing   onboarding.ID      // the onboarding that a specialist views as its customer does; "" none
	Email     string             // who is signed in, "" for nobody
	Role      onboarding.Role    // of who is signed in
	Theme     string             // "light", "dark" or "" for the system's
	Path      string             // request path with query: where the theme switch returns to
	Nav       string             // the admin's current section: "onboardings", "staff", "settings"; "" draws no navigation
	SavedAt   time.Time          // "Draft saved 10:12"; zero draws nothing
	Flash     string             // one sentence on what was just done, "" for none
	Error     bool               // prefixes the title with "Error: "
	Contact   onboarding.Contact // who the customer can ask; zero: nobody is known, and the bar says what to do instead
	RemindURL string             // where the specialist can be reminded; "" draws no button
	HelpURL   string             // help link in the bar; "" draws none
	DocsURL   string             // link to the vendor's documentation; "" draws none
	RequestID string             // shown small on error pages
	Now       time.Time          // for relative times; zero draws exact times
	Refresh   int                // seconds after which a page without JavaScript reloads itself; 0 never
	Live      Live               // which scripts the page needs to update itself
	InApp     string             // the page's whole address, where it is shown inside an app in which Google signs nobody in
	FormKey   string             // lets the page's forms act once although they are sent twice; "" they act each time
	State     tone               // of a run, for the icon in the browser's tab; "" none
}

// Live says how much of a page updates itself.
type Live int

// What a page can update: nothing, parts on input, or parts as events arrive.
const (
	Static Live = iota
	OnInput
	OnEvents
)

// Link is a text that leads somewhere.
type Link struct{ Text, URL string }

// SignInView is the page with the sign-in link.
type SignInView struct {
	Frame
	StartURL string // "/signin/start?next=…"; a link, so that form-action needs no other origin
	Message  string // why one is here: "You were signed out after 12 hours.", "" for none
	Problem  string // a failed sign-in, with what to do next; "" for none
}

// InviteState says whether an invite can be used.
type InviteState string

// The states of an invite's page.
const (
	InviteOpen    InviteState = "open"
	InviteUsed    InviteState = "used"
	InviteExpired InviteState = "expired"
	InviteRevoked InviteState = "revoked"
	InviteOther   InviteState = "other_account" // signed in with another address than the invited one
)

// InviteView is the page of an invite's link: GET draws a button, POST accepts.
type InviteView struct {
	Frame
	State     InviteState
	AcceptURL string // "/i/{token}", the form's action; "" hides the button
	Invited   onboarding.Addressee
	InvitedBy string // email address of who made the invite
	Colleague bool   // it is for the cloud step only
	Reader    bool   // it is for reading the plan only
	Questions int    // how many pages of questions the customer answers
	ExpiresAt time.Time
	SignedIn  string // InviteOther: the address that is signed in
	Planes    Planes // the zero value draws none
}

// HomeView lists a customer's onboardings.
type HomeView struct {
	Frame
	Items          []onboarding.Onboarding
	EarlierAccount bool // the address had another account before, whose onboardings aren't shown
}

// Stale is what another tab or person saved since this page was opened.
type Stale struct {
	By   string       // email address, "" if unknown
	Own  bool         // the reader saved it, in another tab
	At   time.Time    // zero if unknown
	Rows []wizard.Row // the step as it is saved now
}

// Connection is the Google account that is connected for the cloud part.
type Connection struct {
	Email string // "" not connected
	Since time.Time
}

// StepPageView is a page of the wizard. Version in it is what the page was drawn from; the form posts it as "version".
type StepPageView struct {
	Frame
	Onboarding  onboarding.ID
	Version     int
	Step        wizard.StepView
	Steps       []wizard.StepLink
	Outline     []wizard.Row
	Locked      string      // why the reader doesn't change this, "" they may
	Unsaved     string      // why what was typed can't be saved now; the page is read-only. "": it can
	RunURL      string      // of the run that keeps it from being saved, "" none
	ContinueURL string      // the page that follows a read-only one
	FromCheck   bool        // opened by "Change": posts from=check, Back returns to the check page
	Stale       *Stale      // nil: not stale
	Connection  *Connection // nil: the step doesn't draw it; the project step does
	Copy        CopyView    // of a step whose answer is locked
	Secrets     *SecretsWay // of the secrets that the step asks for; nil: it asks for none
}

// PlannerView is the name planner's fragment, answered to POST /o/{id}/planner.
type PlannerView struct {
	Names    []wizard.Derived
	Problems wizard.Problems // with the name as typed; drawn once there are names
}

// Reason is a scope or permission and why it is asked.
type Reason struct{ Name, Why string }

// ConnectView explains what Google access is asked for, and why, before the consent page.
type ConnectView struct {
	Frame
	Onboarding  onboarding.ID
	Project     string // "" not chosen yet
	StartURL    string // "/o/{id}/connect/start"
	Scopes      []Reason
	Permissions onboarding.Permissions // generated from the declarations of the chosen steps
	Connection  Connection
	Asked       string             // names project and permissions, for the way back
	Needed      string             // why the access that is held doesn't do; ""
	Changed     bool               // they changed in the meantime, and nothing was kept
	Refused     string             // the account whose access Google no longer takes; "" none
	Answer      Answer             // Google sent the customer back with an error
	ClientID    string             // of our app at Google
	Kind        onboarding.RunKind // of the plan that the access is for; "" one that provisions
	Held        time.Duration      // unused access is revoked after it; 0 never
	Unticked    []string           // scopes that were asked and not granted
	Other       string             // another account than the one that connected before; "" none
	Colleague   ColleagueForm
	Pending     []onboarding.Invite    // colleagues' links that the customer may withdraw
	Colleagues  []onboarding.Colleague // whom the customer may remove
	You         onboarding.Colleague   // the colleague who looks; zero: it is somebody else
	Back        string                 // URL
	Files       []onboarding.PlanFile  // for those who would rather run the plan themselves; nil: too early
}

// ColleagueForm sends the cloud step to a colleague with the rights.
type ColleagueForm struct {
	Action   string // "" draws no form
	Email    string // what was typed
	Problems wizard.Problems
	MailOn   bool   // the link can be mailed
	Link     string // the invite's link, shown once after it was made
	SentTo   string
	Expires  time.Time
	Submit   string // the button's words; "" for the cloud step
}

// CheckView is "Check your answers".
type CheckView struct {
	Frame
	Onboarding onboarding.ID
	Steps      []wizard.StepLink
	Sections   []wizard.Section
	Outline    []wizard.Row
	Waiting    []string            // what is missing yet; the plan can be looked at nevertheless when Complete
	Complete   bool                // every step is answered
	Next       string              // ID of the first unanswered step, "" if none
	Changed    []onboarding.Change // what the customer confirmed and a specialist has changed since
	Locked     string              // why the reader changes no answer, "" they may
	Made       onboarding.Made     // zero before the first run
	Copy       CopyView
	Colleague  bool   // the reader is one: the project is theirs to change all the same
	Planes     Planes // the zero value draws none
}

// PlanView is the plan, and the button that approves it.
type PlanView struct {
	Frame
	Onboarding  onboarding.ID
	Kind        onboarding.RunKind // "" provision
	Version     int
	Plan        onboarding.Plan
	Hash        string
	Checks      []onboarding.CheckResult
	Waiting     []string // what is missing before the run may start
	NotAsked    []string // what can't be looked at, since its secret was wiped, and what to enter to have it looked at
	Connection  Connection
	ConnectURL  string                // "/o/{id}/connect"; drawn when not connected
	MayApprove  bool                  // false draws why instead of the button: Blocked
	Blocked     string                // one sentence: "Ask a colleague with the permissions …"
	Changed     string                // the plan moved since it was shown: one sentence; "" no
	Problem     string                // the plan couldn't be read; what to do next
	Active      bool                  // a run is going already: links to the progress page
	Paused      string                // what a paused run of this very plan waits for; "" none
	Made        onboarding.Made       // by the latest run that this plan would follow; zero: none, or it is the plan's own
	Items       []onboarding.Item     // the inventory
	Overrides   []onboarding.Override // decisions that stand, of specialists about failed checks
	OverrideURL string                // POST check and reason; "" draws no form: it is the specialists'
	CheckURL    string                // the plan of a check that changes nothing, of which the customer's side read the checks; for staff
	// OverrideCheck, OverrideReason and OverrideProblem are a decision that needs mending.
	OverrideCheck, OverrideReason, OverrideProblem string
	DocumentURL                                    string              // the plan as a document; "" draws no link
	Share                                          ColleagueForm       // makes a link to the document; the customer's
	Readers                                        []onboarding.Invite // whose links are good

	Received []onboarding.Purpose // teardown: secrets of the customer's that the vendor has
	// Decisions are those that the plan holds already, on the page that asks about the data that they delete, and those that
	// were made on a teardown's page before its plan changed; nil elsewhere.
	Decisions    map[string]onboarding.Decision
	KeepsData    string   // why the reader can only keep what holds data and is no longer needed; "" they may have it deleted
	Unsaved      bool     // the page has no control for the decisions, which were just sent
	Confirmed    []string // keys of what was ticked there
	EraseProblem string   // what to correct there

	Files []onboarding.PlanFile // for those who run it themselves; none draws no offer
	// Differences are what this plan does otherwise than the one that was approved before and did not come to its end.
	Differences []onboarding.Difference
}

// ProgressView is a run, live. Status 200 in every state.
type ProgressView struct {
	Frame
	Onboarding  onboarding.Onboarding
	Run         onboarding.Run
	Differences []onboarding.Difference    // for a task blocked with CodePlanChanged
	NewHash     string                     // hash of the plan that "approve changed plan" would pin
	Refusal     string                     // why the reader can't approve the changed plan; "" they can, or it wasn't read
	MayAct      bool                       // retry, cancel, approve, sign in: false for staff who only look
	Staff       bool                       // drawn inside the admin's detail page
	Past        bool                       // the page of one run in the list, which never offers to change anything
	Ask         onboarding.Contact         // who the customer can ask; zero: nobody is known
	ConnectURL  string                     // sign in again: "/o/{id}/connect/start?next=…"
	Connected   bool                       // what the run waits for was given: it can resume
	TeardownURL string                     // of an archived onboarding, which can only be torn down, or to remove what is left; "" draws none
	Left        []onboarding.Item          // what is ours and was not removed by this teardown
	Received    []onboarding.Purpose       // after a teardown: secrets of the customer's that the vendor still has
	Made        onboarding.Made            // once the run rests; zero while it is active, and on the page of a past run
	NotAsked    []string                   // after a teardown: what a new run wouldn't ask, each as a sentence
	EventsURL   string                     // SSE; "" draws a static page
	Took        map[string]onboarding.Took // of an active run, by step, and under "" of such runs
	DrawnAt     time.Time                  // what the time of a task is compared with, also where Now is left out
}

// RunsView is a page of the list of an onboarding's runs.
type RunsView struct {
	Frame
	Onboarding onboarding.Onboarding
	Page       onboarding.RunPage
	Later      bool // later runs are on earlier pages
}

// TaskLogView is a page of the log of one task of a run.
type TaskLogView struct {
	Frame
	Onboarding onboarding.Onboarding
	Run        onboarding.Run
	Task       onboarding.Task
	Log        onboarding.Lines[onboarding.TaskEvent]
}

// ParamTask is the parameter of a log's address that names the task.
const ParamTask = "task"

// logPath is where a task's whole log is.
func logPath(id onboarding.ID, run onboarding.RunID) string {
	return OnboardingPath(id, "runs", string(run), "log")
}

func logQuery(task onboarding.TaskName) url.Values { return url.Values{ParamTask: {string(task)}} }

// DoneView is the confirmation page of a run that succeeded.
type DoneView struct {
	Frame
	Onboarding  onboarding.Onboarding
	Run         onboarding.Run
	Ask         onboarding.Contact // who the customer can ask; zero: nobody is known
	Address     string             // the deployment's UI
	Facts       []onboarding.Fact  // what was handed over
	Handover    HandoverView
	Items       []onboarding.Item // the inventory
	Revoked     bool              // access given up at Google and wiped
	Kept        bool              // access wiped, and kept at Google while another of the same account is in use
	TeardownURL string            // "" draws none
	VerifyURL   string            // "" draws none
	ChangeURL   string            // the answers, for those who may change them; "" draws none
	Unapplied   bool              // the answers ask for something other than what the run made
	Verified    string            // what the last verification on demand found, "" if there was none
}

// ReceiptConsent is one consent and its latest uses.
type ReceiptConsent struct {
	Consent onboarding.Consent
	Uses    []onboarding.ConsentUse // newest first
	MoreURL string                  // where all of them are; "" they are all here
	Pages   onboarding.Lines[onboarding.ConsentUse]
}

// ReceiptView says which access was given, when and for what it was used, and when it was given up.
type ReceiptView struct {
	Frame
	Onboarding onboarding.Onboarding
	Consents   []ReceiptConsent // latest first
	Held       bool             // an access is held, on whichever page it is
	One        bool             // the page is about the uses of one access
	At         onboarding.Lines[struct{}]
	Secrets    []onboarding.Delivery    // latest first
	Runs       map[int64]onboarding.Run // by the ID of a use; those that the page explains
	RevokeURL  string                   // POST; "" draws no button
}

// MessageView is a page with a sentence and what to do next: errors, and "you were signed out".
type MessageView struct {
	Frame
	Status  int    // HTTP status, for the words when Heading is ""
	Heading string // "" words of the status
	Text    string // "" words of the status
	Actions []Link // nil: a link to the home page
	Again   SendAgain
}

// SendAgain is a form that was posted and not handled, for its sender to post again. The zero value is none.
type SendAgain struct {
	URL           string
	Fields        []Field
	SecretDropped bool // a secret was typed, which the page doesn't hold
}

// Field is a value of a form.
type Field struct{ Name, Value string }

// AdminListView is the list of all onboardings.
type AdminListView struct {
	Frame
	Filter      onboarding.Filter
	Page        onboarding.Page
	Specialists []onboarding.Actor
	From        int // number of the first row, from 1; 0 unknown
	Views       []SavedView
	ViewName    string // what was typed
	Problems    wizard.Problems
	Target      time.Duration // waiting longer than this is colored; longer than twice, red. 0: 24 h
}

// SavedView is a named filter of the list.
type SavedView struct {
	onboarding.ListView
	URL       string
	Current   bool // its list is shown
	MayChange bool
}

// BulkRow is one of the selected onboardings.
type BulkRow struct {
	Onboarding onboarding.Onboarding
	Stamp      string               // what it was when it was confirmed
	Why        string               // it is left alone
	To         onboarding.Addressee // BulkInvite: whom the new link is for
	Link       InviteLink           // made for it
}

// BulkView asks whether to do an act, and then says what was done.
type BulkView struct {
	Frame
	Act         onboarding.BulkAct
	Specialist  string // BulkAssign: email address, "" nobody
	Specialists []onboarding.Actor
	Filter      onboarding.Filter // of the list they were selected in
	Rows        []BulkRow         // those that it is, or was, done with
	Left        []BulkRow
	Done        bool
}

// AdminForm is the vendor's part of an onboarding.
type AdminForm struct {
	Customer, OwnerEmail, Specialist string
	InviteDays                       string                  // as typed
	SendMail                         bool                    // the invitation is to be mailed
	Vendor                           onboarding.VendorValues // as entered for this onboarding
	Settings                         onboarding.VendorValues // that apply where nothing is entered
	WipedAPIKey                      bool                    // there was one, and it was wiped after the handover
	Problems                         wizard.Problems
}

// The names of the AdminForm's fields, as posted and as named in Problems. Checkboxes post "yes".
const (
	FieldCustomer   = "customer"
	FieldOwnerEmail = "owner_email"
	FieldSpecialist = "specialist"
	FieldInviteDays = "invite_days"
	FieldSendMail   = "send_mail" // "yes": the link goes out by mail
	FieldEmail      = "email"
	FieldInvite     = "invite"
	FieldRole       = "role"
	FieldReplace    = "replace" // "yes": the invited customer takes the present one's place
	FieldFormKey    = "form_key"
	FieldNote       = "note"
	FieldAct        = "act"
	FieldName       = "name"
	FieldView       = "view"   // a saved view's ID
	FieldShared     = "shared" // "yes": with all of the staff
	FieldRow        = "row"    // an onboarding's ID; confirmed, with a blank and its stamp
)

// InviteLink is an invite's link, shown once.
type InviteLink struct {
	URL     string
	To      onboarding.Addressee
	Expires time.Time
	Role    onboarding.Role
}

// AdminNewView is the form that creates an onboarding, and the page after it with the link.
type AdminNewView struct {
	Frame
	Form        AdminForm
	Specialists []onboarding.Actor
	Created     *onboarding.Onboarding // nil: the form
	MailOn      bool                   // invitations can be mailed
	Link        InviteLink
}

// AdminDetailView is a tab of one onboarding, for the vendor's staff. It holds what every tab shows, and what its own
// does.
type AdminDetailView struct {
	Frame
	Place      DetailPlace
	Neighbors  onboarding.Neighbors
	Onboarding onboarding.Onboarding
	Steps      []wizard.StepLink
	Target     time.Duration          // as in [AdminListView]
	DrawnAt    time.Time              // how long the onboarding has waited is counted to it
	Latest     *onboarding.RunSummary // the latest run; nil: no run yet
	MayRetry   bool
	MayRemind  bool
	EventsURL  string // SSE; "" draws a static tab

	// The overview.
	Waiting       []string
	Decisions     []onboarding.Override // of specialists about checks, for the answers as they are
	LeftForGoogle time.Time             // when the customer last left for Google's consent; zero if an answer came back since
	Made          onboarding.Made       // zero before the first run, and while one is active
	Handover      HandoverView
	Recorded      onboarding.RunID                        // the latest run that left a record, "" none
	Timeline      onboarding.Lines[onboarding.AuditEntry] // the history with the notes: the latest lines on the overview, a page on the history's tab
	Notes         onboarding.Lines[onboarding.AuditEntry] // the latest
	Note          string                                  // what was typed
	MayArchive    bool
	MayForget     bool // erases the people of an archived onboarding
	Copy          CopyView
	// NoteProblem is what to correct about Note.
	NoteProblem string

	Run      *ProgressView // the run's tab; nil: no run yet
	Runs     onboarding.RunPage
	Sections []wizard.Section // the answers' tab
	Form     AdminForm        // the values' tab, and whom the people's tab assigns

	Showing onboarding.TimelineOf // on the history's tab

	// The people's tab.
	Specialists     []onboarding.Actor
	Invites         onboarding.Lines[onboarding.Invite]
	PresentCustomer string // who an invited customer would replace; "" nobody joined yet
	Colleagues      []onboarding.Colleague
	Readers         int        // links to the plan that are good
	Link            InviteLink // just made; zero: none
	InviteProblem   string
	InviteEmail     string            // what was typed
	Mails           []onboarding.Mail // newest first
	MailOn          bool              // invitations can be mailed
}

// StaffView lists the vendor's people.
type StaffView struct {
	Frame
	People   []onboarding.StaffPerson
	Domains  []string                 // whose people are all specialists by the configuration
	Changes  []onboarding.StaffChange // newest first, for administrators
	MayEdit  bool                     // administrators
	Email    string
	Role     onboarding.Role // what was chosen in the form
	Free     string          // what was typed in the form that accepts another account
	Problems wizard.Problems
}
