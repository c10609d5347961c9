package onboarding

// BulkAct is what is done with several onboardings at once.
type BulkAct string

// The acts, as posted.
const (
	BulkAssign  BulkAct = "assign"
	BulkArchive BulkAct = "archive"
	BulkRestore BulkAct = "restore"
	BulkInvite  BulkAct = "invite" // a new link for the customer who hasn't joined
)

// BulkActs lists them.
var BulkActs = []BulkAct{BulkAssign, BulkArchive, BulkRestore, BulkInvite}
