package main

// The OAuth client that an emulator has. It is nobody's at Google.
const (
	emulatedClientID     = "groundwork-demo.apps.googleusercontent.com"
	emulatedClientSecret = "groundwork-demo-secret"
)
