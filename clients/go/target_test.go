package sluice

import "testing"

func TestIsLocal_tells_targets_that_stay_on_this_machine(t *testing.T) {
	for target, want := range map[string]bool{
		"localhost:9090":                true,
		"127.0.0.1:9090":                true,
		"127.8.8.8:9090":                true,
		"[::1]:9090":                    true,
		"localhost":                     true,
		"dns:///localhost:9090":         true,
		"passthrough:///127.0.0.1:9090": true,
		"dns://10.0.0.53/127.0.0.1:1":   true,
		"unix:/run/sluice.sock":         true,
		"unix:///run/sluice.sock":       true,
		"unix-abstract:sluice":          true,

		"sluice:9090":                    false,
		"localhost.example.com:9090":     false,
		"127.0.0.1.example.com:9090":     false,
		"10.0.0.1:9090":                  false,
		"[2001:db8::1]:9090":             false,
		"dns:///sluice.example.com:443":  false,
		"dns://127.0.0.1/gateway.corp:1": false,
		"xds:///sluice":                  false,
		"passthrough:///192.0.2.1:9090":  false,
		"":                               false,
	} {
		if got := isLocal(target); got != want {
			t.Errorf("isLocal(%q) = %v, want %v", target, got, want)
		}
	}
}
