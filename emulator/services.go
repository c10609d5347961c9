package emulator

// services holds what each service keeps. Tables are made by the services' register functions.
type services struct {
	dataServices

	people        *table[Person]
	tokens        *table[accessToken]
	rules         *table[Rule]
	operations    *table[operation]
	policies      *table[policyState] // by resource: "projects/p", "buckets/b", "projects/p/serviceAccounts/e"
	projects      *table[Project]     // by id
	organizations *table[Organization]
	apis          *table[apiState] // by "project/service"
	accounts      *table[serviceAccount]
	roles         *table[customRole] // by "projects/p/roles/r"
	codes         *table[authCode]
	signIns       *table[signIn]
	refreshes     *table[refreshToken]
	keys          *table[signingKey]
	denies        *table[DenyPolicy] // by "projects/p/denypolicies/d"
	boundaries    *table[Boundary]
}

// registerServices makes every table and route: a service is one line here.
func (e *Emulator) registerServices() {
	e.registerAccess()
	e.registerIdentity()
	e.registerResourceManager()
	e.registerServiceUsage()
	e.registerIAM()
	e.registerDeny()
	e.registerCredentials()
	e.registerTroubleshooter()
	e.registerBilling()
	e.registerOrgPolicy()
	e.registerData()
}

func (e *Emulator) registerAccess() {
	e.people = newTable[Person](e, "person")
	e.tokens = newTable[accessToken](e, "token")
	e.rules = newTable[Rule](e, "rule")
	e.operations = newTable[operation](e, "operation")
	e.policies = newTable[policyState](e, "policy")
	e.projects = newTable[Project](e, "project")
	e.organizations = newTable[Organization](e, "organisation") //nolint:misspell // the name is stored in journals
	e.apis = newTable[apiState](e, "api")
	e.accounts = newTable[serviceAccount](e, "account")
	e.roles = newTable[customRole](e, "role")
}
