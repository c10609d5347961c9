package onboarding

import (
	"slices"
	"testing"
)

func TestReceivedIsWhatTheVendorHas(t *testing.T) {
	d := func(kind DeliveryKind, state DeliveryState, purposes ...Purpose) Delivery {
		return Delivery{Kind: kind, State: state, Purposes: purposes}
	}
	got := Received([]Delivery{
		d(DeliverRecord, DeliveryDone),
		d(DeliverSecrets, DeliveryPending, PurposeRedisToken), d(DeliverSecrets, DeliveryUnconfirmed, PurposeRedisToken), d(DeliverSecrets, DeliveryCanceled, PurposeRedisToken),
		d(DeliverSecrets, DeliveryConfirmed, PurposeDatabricksToken), d(DeliverSecrets, DeliveryDone, PurposeDatabricksToken),
	})
	if want := []Purpose{PurposeDatabricksToken}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
