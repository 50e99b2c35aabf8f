package sluice

import (
	"net"
	"net/netip"
	"strings"
)

// isLocal tells whether a gRPC target cannot leave this machine.
func isLocal(target string) bool {
	scheme, endpoint, found := strings.Cut(target, ":")
	if found && (scheme == "unix" || scheme == "unix-abstract") {
		return true
	}
	if found && strings.HasPrefix(endpoint, "//") { // scheme://authority/endpoint
		if _, after, ok := strings.Cut(endpoint[2:], "/"); ok {
			target = after
		}
	}
	host := target
	if h, _, err := net.SplitHostPort(target); err == nil {
		host = h
	}
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && ip.IsLoopback()
}
