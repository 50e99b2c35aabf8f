package config

import (
	"errors"
	"fmt"
	"math"
	"net"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"

	configv1 "github.com/sluice-ai/sluice/gen/go/sluice/config/v1"
)

// off is the address of a listener that is not wanted.
const off = "off"

var (
	durationPattern = regexp.MustCompile(`^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$`)
	sizePattern     = regexp.MustCompile(`^([0-9]+) ?([A-Za-z]*)$`)
	originPattern   = regexp.MustCompile(`^(\*|https?://[^\s/]+)$`)
	namePattern     = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)
)

const (
	kib = 1 << 10
	mib = 1 << 20
	gib = 1 << 30
)

var sizeUnits = map[string]int64{
	"": 1, "B": 1,
	"KB": 1e3, "MB": 1e6, "GB": 1e9,
	"KiB": kib, "MiB": mib, "GiB": gib,
}

func parseDuration(text string) (time.Duration, error) {
	if !durationPattern.MatchString(text) {
		return 0, fmt.Errorf("%q is no span of time: write numbers with ms, s, m or h, as 30s or 1m30s", text)
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, fmt.Errorf("%q is too long a span of time", text)
	}
	return d, nil
}

func parseSize(text string) (int64, error) {
	m := sizePattern.FindStringSubmatch(text)
	if m == nil {
		return 0, fmt.Errorf("%q is no size: write a whole number of bytes with B, KiB, MiB, GiB, KB, MB or GB, as 32MiB", text)
	}
	unit, ok := sizeUnits[m[2]]
	if !ok {
		return 0, fmt.Errorf("%q has an unknown unit: known are B, KiB, MiB, GiB, KB, MB and GB", text)
	}
	n, err := strconv.ParseInt(m[1], 10, 64)
	if err != nil || n > math.MaxInt64/unit {
		return 0, fmt.Errorf("%q is too large a size", text)
	}
	return n * unit, nil
}

// checkForm tells what is wrong with the text of a field of that form and bounds.
func checkForm(rules *configv1.FieldRules, text string) error {
	switch rules.GetForm() {
	case configv1.Form_FORM_DURATION:
		d, err := parseDuration(text)
		if err != nil {
			return err
		}
		smallest, _ := parseDuration(rules.GetMin())
		largest, _ := parseDuration(rules.GetMax())
		return checkRange(rules, text, int64(d), int64(smallest), int64(largest))
	case configv1.Form_FORM_SIZE:
		n, err := parseSize(text)
		if err != nil {
			return err
		}
		smallest, _ := parseSize(rules.GetMin())
		largest, _ := parseSize(rules.GetMax())
		return checkRange(rules, text, n, smallest, largest)
	case configv1.Form_FORM_ADDRESS_OR_OFF:
		if text == off {
			return nil
		}
		return checkAddress(text)
	case configv1.Form_FORM_ADDRESS:
		return checkAddress(text)
	case configv1.Form_FORM_URL:
		return checkURL(text)
	case configv1.Form_FORM_NAME:
		if !namePattern.MatchString(text) {
			return fmt.Errorf("%q is no name: use letters, digits, \".\", \"_\" and \"-\", beginning with a letter or digit", text)
		}
	case configv1.Form_FORM_PATTERN:
		if strings.Count(text, "*") > 1 || strings.ContainsFunc(text, unicode.IsSpace) {
			return fmt.Errorf("%q is no name of a model: it has white space or more than one *", text)
		}
	case configv1.Form_FORM_UNSPECIFIED, configv1.Form_FORM_SECRET, configv1.Form_FORM_JSON_OBJECT, configv1.Form_FORM_FILE: // any text
	case configv1.Form_FORM_ORIGIN:
		if !originPattern.MatchString(text) || strings.Count(text, "*") > 1 {
			return fmt.Errorf("%q is no origin: write scheme://host[:port] without a path and with at most one *, as https://app.example.com", text)
		}
	}
	return nil
}

func checkRange(rules *configv1.FieldRules, text string, value, smallest, largest int64) error {
	if rules.GetMin() != "" && value < smallest {
		return fmt.Errorf("%s is below the smallest value, %s", text, rules.GetMin())
	}
	if rules.GetMax() != "" && value > largest {
		return fmt.Errorf("%s is above the largest value, %s", text, rules.GetMax())
	}
	return nil
}

func checkAddress(text string) error {
	host, port, err := net.SplitHostPort(text)
	if err != nil {
		return fmt.Errorf("%q is no address to listen on: write host:port, as 127.0.0.1:8080 or :8080", text)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || strconv.FormatUint(n, 10) != port {
		return fmt.Errorf("%q has no port from 0 to 65535", text)
	}
	if strings.ContainsAny(host, " /\\") {
		return fmt.Errorf("%q has no host name or IP address before the port", text)
	}
	return nil
}

// reachable reports whether other machines can reach what listens on address.
func reachable(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil || host == "localhost" {
		return false
	}
	ip := net.ParseIP(host)
	return ip == nil || !ip.IsLoopback()
}

// checkURL never repeats the URL: it may hold a password.
func checkURL(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return errors.New("this is no URL: write one as https://api.openai.com/v1")
	case u.User != nil:
		return errors.New("a user or password does not belong into the URL: use api_keys or headers")
	case u.Scheme != "http" && u.Scheme != "https":
		return errors.New("the URL needs the scheme http or https, as https://api.openai.com/v1")
	case u.Hostname() == "":
		return errors.New("the URL has no host")
	case u.Fragment != "":
		return errors.New("the URL of a provider has no fragment")
	}
	return nil
}
