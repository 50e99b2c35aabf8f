// Package providers_test holds Sluice against fake providers of every dialect: the fakes
// against the providers' official SDKs first, and then Sluice between callers of every door
// and the fakes.
package providers_test

import (
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
