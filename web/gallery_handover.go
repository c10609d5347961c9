package web

import (
	"time"

	"groundwork/onboarding"
)

// handover is one whose record was delivered, with a token in a state.
func (s samples) handover(run onboarding.RunID, state onboarding.DeliveryState) HandoverView {
	record := onboarding.Delivery{
		ID: "msg_k2v6xq3mt5wz7yab4cde", Run: run, Kind: onboarding.DeliverRecord, State: onboarding.DeliveryDone, Way: onboarding.WayPut,
		Tries: 2, EndedAt: s.now.Add(-4 * time.Minute), CreatedAt: s.now.Add(-5 * time.Minute),
	}
	token := onboarding.Delivery{
		ID: "msg_b7n4rt2ysk5pd3fgh6jl", Run: run, Kind: onboarding.DeliverSecrets, State: state, Purposes: []onboarding.Purpose{onboarding.PurposeDatabricksToken},
		CreatedAt: s.now.Add(-5 * time.Minute),
	}
	v := HandoverView{
		Onboarding: s.onboarding().ID, MayConfirm: true, Deliveries: []onboarding.Delivery{record, token},
		Way: SecretsWay{Console: "Settings › Data platforms › Databricks token", ConsoleAt: "https://console.vendor.example/settings/tokens"},
		Tries: []onboarding.DeliveryTry{
			{Delivery: record.ID, At: s.now.Add(-4 * time.Minute), Took: 230 * time.Millisecond, Request: "PUT https://handover.vendor.example/acme/outputs.json", Status: 200},
			{Delivery: record.ID, At: s.now.Add(-5 * time.Minute), Took: 120 * time.Millisecond, Request: "PUT https://handover.vendor.example/acme/outputs.json", Status: 503, Answer: "down for maintenance", Problem: "The address answered 503 Service Unavailable."},
		},
	}
	if state == onboarding.DeliveryDone {
		d := &v.Deliveries[1]
		d.Way, d.Key, d.Tries = onboarding.WayPut, onboarding.Fingerprint("age1sample"), 1
		d.EncryptedAt, d.EndedAt = s.now.Add(-5*time.Minute), s.now.Add(-5*time.Minute)
	}
	return v
}

// unconfirmed is a run that is done but for the token that the customer enters in the vendor's console.
func (s samples) unconfirmed() DoneView {
	v := s.done()
	v.Onboarding.Status = onboarding.StatusHandingOver
	v.Handover = s.handover(v.Run.ID, onboarding.DeliveryUnconfirmed)
	return v
}
