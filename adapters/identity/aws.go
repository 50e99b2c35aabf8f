// Package identity finds out who Sluice is at a cloud: it gets credentials and tokens by
// the cloud's own libraries, keeps them fresh, and puts them on requests. It knows no
// provider's API.
package identity

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go/logging"

	"github.com/sluice-ai/sluice/adapters"
)

// AWS signs requests for AWS. Make it with [NewAWS]. It is safe for concurrent use.
type AWS struct {
	region      string
	credentials aws.CredentialsProvider
	signer      *v4.Signer
}

// roleSession is how sessions of an assumed role are called in the account's logs.
const roleSession = "sluice"

// NewAWS reads the environment and the shared files of configuration, as the settings say.
// It does not connect: credentials that must be fetched are when the first request is
// signed. Settings that cannot work are an error that never shows a secret.
func NewAWS(s adapters.AWS) (*AWS, error) {
	// The library's own words about what it tries would stand in nobody's form.
	options := []func(*config.LoadOptions) error{config.WithLogger(logging.Nop{})}
	switch id, secret := s.AccessKeyID.Reveal(), s.SecretAccessKey.Reveal(); {
	case id != "" && secret != "":
		static := credentials.NewStaticCredentialsProvider(id, secret, s.SessionToken.Reveal())
		options = append(options, config.WithCredentialsProvider(static))
	case id != "" || secret != "" || s.SessionToken.Reveal() != "":
		return nil, errors.New("aws: access_key_id and secret_access_key belong together, and session_token to them")
	}
	if s.Profile != "" {
		options = append(options, config.WithSharedConfigProfile(s.Profile))
	}
	if s.Region != "" {
		options = append(options, config.WithRegion(s.Region))
	}
	found, err := config.LoadDefaultConfig(context.Background(), options...)
	if missing, ok := errors.AsType[config.SharedConfigProfileNotExistError](err); ok {
		return nil, fmt.Errorf("aws: there is no profile %q in the shared configuration files", missing.Profile)
	}
	if err != nil {
		return nil, errors.New("aws: the environment or the shared configuration files cannot be read: see AWS_PROFILE, ~/.aws/config and ~/.aws/credentials")
	}
	if found.Region != "" && !regionForm.MatchString(found.Region) {
		return nil, fmt.Errorf("aws: region: %.64q is not the name of a region, as \"us-east-1\"", found.Region)
	}
	if s.RoleARN != "" {
		if !strings.HasPrefix(s.RoleARN, "arn:") {
			return nil, fmt.Errorf("aws: role_arn: %.64q is no ARN", s.RoleARN)
		}
		if found.Region == "" {
			return nil, errors.New("aws: a role is assumed in a region: set aws.region, or AWS_REGION")
		}
		role := stscreds.NewAssumeRoleProvider(sts.NewFromConfig(found), s.RoleARN, func(o *stscreds.AssumeRoleOptions) { o.RoleSessionName = roleSession })
		found.Credentials = aws.NewCredentialsCache(role, func(o *aws.CredentialsCacheOptions) { o.ExpiryWindow = expiryWindow })
	}
	return &AWS{region: found.Region, credentials: found.Credentials, signer: v4.NewSigner()}, nil
}

// expiryWindow is how long before their end temporary credentials are replaced: longer
// than the clocks of two machines differ.
const expiryWindow = time.Minute

// regionForm is what all names of regions look like. A region becomes a part of a host's
// name: nothing else may.
var regionForm = regexp.MustCompile(`^[a-z]{2,4}(-[a-z]{1,10}){1,3}-[0-9]{1,2}$`)

// Region is where the settings, the environment or the profile say that requests go. Empty
// when none of them does.
func (a *AWS) Region() string { return a.region }

// In returns the same identity in a region.
func (a *AWS) In(region string) *AWS {
	return &AWS{region: region, credentials: a.credentials, signer: a.signer}
}

// Sign puts the signature of version 4 on a finished request for a service, as "bedrock".
// When credentials cannot be had, the error is an [*adapters.Error] if AWS said why, else
// one that is for the log.
func (a *AWS) Sign(ctx context.Context, r *http.Request, body []byte, service string) error {
	if a.region == "" {
		return &adapters.Error{Kind: adapters.KindAuth, Unsent: true, Message: "the request cannot be signed without a region: set aws.region, or AWS_REGION"}
	}
	who, err := a.credentials.Retrieve(ctx)
	if err != nil {
		return said(err)
	}
	sum := sha256.Sum256(body)
	return a.signer.SignHTTP(ctx, who, r, hex.EncodeToString(sum[:]), service, a.region, time.Now())
}

// said makes an error of what AWS answered to the wish for credentials, and leaves others.
// Of a message, the first line says it all: behind it, AWS quotes the request that it
// expected, with the session's token.
func said(err error) error {
	var answer interface {
		error
		ErrorCode() string
		ErrorMessage() string
	}
	if !errors.As(err, &answer) || answer.ErrorMessage() == "" {
		return err
	}
	line, _, _ := strings.Cut(answer.ErrorMessage(), "\n")
	return &adapters.Error{
		Kind: adapters.KindAuth, Unsent: true,
		Message: fmt.Sprintf("AWS gave no credentials: %s: %s", answer.ErrorCode(), line),
	}
}
