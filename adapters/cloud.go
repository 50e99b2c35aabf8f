package adapters

// Google says who Sluice is at Google Cloud, and where. The zero value is what the
// environment says (Application Default Credentials).
type Google struct {
	// Project is the id of the project that is billed. Empty: that of the credentials.
	Project string
	// Location is the region, as "us-central1", or "global". Empty: "global".
	Location string
	// Credentials is the JSON of a service account's key or of a workload identity
	// federation. Empty: Application Default Credentials.
	Credentials Secret
}

// AWS says who Sluice is at AWS, and where. The zero value is what the standard chain of
// credentials finds: environment, shared files, container, instance.
type AWS struct {
	// Region is where the models run, as "us-east-1". Empty: that of the environment or
	// the profile.
	Region string
	// Profile is a profile of the shared configuration files. Empty: the default one.
	Profile string
	// AccessKeyID, SecretAccessKey and SessionToken are static credentials. Empty: the
	// chain's.
	AccessKeyID     Secret
	SecretAccessKey Secret
	SessionToken    Secret
	// RoleARN is a role to assume with these credentials. Empty: none.
	RoleARN string
}

// Azure says which of Azure's forms of the API is spoken, and who Sluice is at Entra ID.
// Without a client, and without keys, the environment's identity is used.
type Azure struct {
	// APIVersion is the value of the query's api-version. Empty: none, which is for the
	// v1 form.
	APIVersion string
	// Deployments puts the model into the path as a deployment, as the API did before v1.
	Deployments bool
	// TenantID, ClientID and ClientSecret are those of an application. Empty: workload
	// identity, managed identity or the developer's own, whichever there is.
	TenantID     string
	ClientID     string
	ClientSecret Secret
	// AuthorityHost is where tokens come from, as "https://login.microsoftonline.com/".
	// Empty: the public cloud's.
	AuthorityHost string
}
