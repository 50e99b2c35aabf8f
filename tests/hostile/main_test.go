package hostile

import (
	"fmt"
	"io"
	"log"
	"os"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	log.SetOutput(io.Discard) // net/http prints what stray bytes it meets on connections of the tests' own
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		fmt.Printf("measured: hostile     %d named cases ran\n", named.Load())
		os.Exit(code)
	}))
}
