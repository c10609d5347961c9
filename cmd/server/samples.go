//go:build !release

package main

// stage is how far a sample onboarding is taken.
type stage string

const (
	stageInvited   stage = "invited"    // the link was not opened
	stageForm      stage = "form"       // Steps steps answered
	stageVendor    stage = "vendor"     // the vendor's account is missing
	stageLater     stage = "later"      // the workspace's token comes later
	stageReady     stage = "ready"      // everything answered, nothing started
	stageSlow      stage = "slow"       // a run that Google takes long over
	stageHandover  stage = "handover"   // the owner has yet to enter the tokens in the vendor's console
	stageDone      stage = "done"       // handed over
	stageTornDown  stage = "torn down"  // made and taken away again
	stageBilling   stage = "billing"    // the project has no billing account
	stageOrgPolicy stage = "org policy" // domain restricted sharing
	stagePerms     stage = "permission" // the customer lacks rights
	stageGuide     stage = "guide"      // Redis is still to be attested
	stageSignIn    stage = "sign in"    // access was withdrawn in mid-run
)

// sample is one sample onboarding: plainly invented companies and addresses.
type sample struct {
	Customer string
	Name     string // deployment name; the project is <name>-data, the owner's address it@<name>.example
	Region   string
	Stage    stage
	Steps    int  // stageForm: steps answered
	Redis    bool // else Bigtable
}

// samples are the forty onboardings of the demo, in all states.
var samples = []sample{
	{"Halvorsen Maritime AS", "halvorsen-prod", "europe-north1", stageDone, 0, false},
	{"Castellan Logistics", "castellan-eu", "europe-west1", stageOrgPolicy, 0, false},
	{"Brightwater Energy", "brightwater", "us-central1", stageLater, 0, false},
	{"Ospina & Roldán", "ospina-latam", "southamerica-east1", stageForm, 2, false},
	{"Lindqvist Foods", "lindqvist-prod", "europe-north1", stageDone, 0, true},
	{"Aoyama Robotics", "aoyama-robotics", "asia-northeast1", stageSlow, 0, false},
	{"Marchetti Moda", "marchetti", "europe-west8", stageForm, 4, false},
	{"Kestrel Insurance", "kestrel-risk", "us-east4", stageDone, 0, false},
	{"Tamarind Travel", "tamarind", "asia-south1", stageInvited, 0, false},
	{"Northgate Telecom", "northgate-core", "us-west1", stageBilling, 0, false},
	{"Delacroix Pharma", "delacroix-rnd", "europe-west9", stageVendor, 0, false},
	{"Quillan Books", "quillan", "us-east1", stageDone, 0, false},
	{"Sundarban Agritech", "sundarban", "asia-south2", stageForm, 1, false},
	{"Veld & Vine", "veldvine", "africa-south1", stageForm, 5, false},
	{"Oberland Bank", "oberland-scoring", "europe-west6", stagePerms, 0, false},
	{"Pinewood Health", "pinewood-health", "us-central1", stageDone, 0, false},
	{"Salinas Solar", "salinas-solar", "us-west4", stageReady, 0, false},
	{"Thistle Games", "thistle-live", "europe-west2", stageDone, 0, true},
	{"Bluebird Mobility", "bluebird", "europe-west3", stageForm, 3, false},
	{"Harrow Retail", "harrow-retail", "us-east5", stageInvited, 0, false},
	{"Montcalm Media", "montcalm", "northamerica-northeast1", stageGuide, 0, true},
	{"Zephyr Airlines", "zephyr-pricing", "us-west2", stageDone, 0, false},
	{"Corvid Analytics", "corvid", "us-central1", stageForm, 6, false},
	{"Eastlake Utilities", "eastlake", "us-east4", stageVendor, 0, false},
	{"Fjordlight Streaming", "fjordlight", "europe-north1", stageDone, 0, false},
	{"Granada Cement", "granada", "europe-southwest1", stageInvited, 0, false},
	{"Ibis Hotels Group", "ibis-booking", "me-west1", stageForm, 2, true},
	{"Juniper Biosciences", "juniper-bio", "us-west1", stageSignIn, 0, false},
	{"Koala Commerce", "koala-commerce", "australia-southeast1", stageDone, 0, false},
	{"Larkspur Legal", "larkspur", "us-east1", stageForm, 1, false},
	{"Meridian Freight", "meridian-freight", "us-south1", stageLater, 0, false},
	{"Nimbus Weather", "nimbus-weather", "europe-west4", stageHandover, 0, false},
	{"Oakridge Mutual", "oakridge", "us-central1", stageInvited, 0, false},
	{"Peregrine Courier", "peregrine", "asia-southeast1", stageTornDown, 0, false},
	{"Quartz Mining", "quartz-mining", "australia-southeast2", stageForm, 4, false},
	{"Redwood Learning", "redwood-learning", "us-west1", stageDone, 0, false},
	{"Saffron Payments", "saffron-pay", "asia-south1", stageOrgPolicy, 0, false},
	{"Tidewater Ports", "tidewater", "us-east4", stageInvited, 0, false},
	{"Umbra Security", "umbra-sec", "me-central1", stageReady, 0, false},
	{"Wexford Dairy", "wexford-dairy", "europe-west1", stageDone, 0, false},
}
