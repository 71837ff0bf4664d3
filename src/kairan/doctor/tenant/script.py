"""The PowerShell script that an administrator runs in their own organisation.  It only reads.

Every cmdlet in it is a Get-, a Connect- or one that shapes output; a test holds it to that list.
Each part is read by itself: where a right or a module is missing, the part is named as not read and
the rest is still judged.  For that each cmdlet says `-ErrorAction Stop` itself: those of modules do not
inherit the script's $ErrorActionPreference (PowerShell issue 4568), and one that only complained would
leave a part empty that was never read.
"""

FORMAT = "kairan-tenant"
VERSION = 1

SCRIPT = r"""# Reads how this Microsoft 365 organisation lets accounts log in to send mail. It changes nothing.
#
#   pwsh ./tenant.ps1 > tenant.json        (Windows PowerShell 5.1 does as well)
#   kairan doctor tenant tenant.json
#
# Modules: ExchangeOnlineManagement, Microsoft.Graph.Authentication, Microsoft.Graph.Identity.SignIns,
# Microsoft.Graph.Applications, Microsoft.Graph.Users. Roles: Global Reader is enough; that Microsoft
# Graph PowerShell may read policies, an administrator may have to consent to once.
# No password, token, message or mailbox content is read. Mailboxes that send by smtp.office365.com:
#   pwsh ./tenant.ps1 -Mailbox scan@example.com,erp@example.com > tenant.json
[CmdletBinding()]
param([string[]] $Mailbox = @(), [switch] $SkipGraph)

$script:problems = @()

function Read-Part {
    param([string] $Name, [scriptblock] $Body)
    try { & $Body }
    catch {
        $script:problems += @{ part = $Name; message = [string] $_.Exception.Message }
        $null
    }
}

Read-Part 'exchange' { Connect-ExchangeOnline -ShowBanner:$false -ErrorAction Stop | Out-Null }
if (-not $SkipGraph) {
    Read-Part 'graph' {
        Connect-MgGraph -NoWelcome -ErrorAction Stop -Scopes 'Policy.Read.All', 'Application.Read.All', 'User.Read.All', 'GroupMember.Read.All' | Out-Null
    }
}

$transport = Read-Part 'transport' {
    @{ smtpClientAuthenticationDisabled = (Get-TransportConfig -ErrorAction Stop).SmtpClientAuthenticationDisabled }
}
$organization = Read-Part 'organization' {
    $config = Get-OrganizationConfig -ErrorAction Stop
    @{ name = [string] $config.DisplayName
       defaultAuthenticationPolicy = [string] $config.DefaultAuthenticationPolicy
       rejectDirectSend = $config.RejectDirectSend }
}
$domains = Read-Part 'domains' { Get-AcceptedDomain -ErrorAction Stop | ForEach-Object { [string] $_.DomainName } }
$policies = Read-Part 'authenticationPolicies' {
    Get-AuthenticationPolicy -ErrorAction Stop | ForEach-Object {
        @{ name = [string] $_.Name; allowBasicAuthSmtp = $_.AllowBasicAuthSmtp }
    }
}
$billing = Read-Part 'billingPolicies' {
    Get-BillingPolicy -ErrorAction Stop -ResourceType HVE | ForEach-Object { @{ name = [string] $_.Name } }
}

function Read-Memberships {
    param([string] $Id)
    if ($SkipGraph -or -not $Id) { return }
    Read-Part 'memberships' { Get-MgUserTransitiveMemberOf -ErrorAction Stop -UserId $Id -All | ForEach-Object { [string] $_.Id } }
}

$hve = Read-Part 'hveAccounts' {
    Get-MailUser -ErrorAction Stop -HVEAccount -ResultSize Unlimited | ForEach-Object {
        $address = [string] $_.PrimarySmtpAddress
        $id = [string] $_.ExternalDirectoryObjectId
        $settings = Read-Part 'allowedApps' { Get-HVEAccountSettings -ErrorAction Stop -Identity $address }
        $account = Read-Part 'accountPolicies' { Get-User -ErrorAction Stop -Identity $address }
        $bill = Read-Part 'billing' { Get-HVEAccountBillingPolicy -ErrorAction Stop -Identity $address }
        @{ address = $address
           id = $id
           authenticationPolicy = [string] $account.AuthenticationPolicy
           allowedApps = @($settings.AllowedApps | Where-Object { $_ } | ForEach-Object { [string] $_ })
           billingStatus = [string] $bill.BillingPolicyStatus
           memberOf = @(Read-Memberships $id) }
    }
}
$mailboxes = Read-Part 'mailboxes' {
    foreach ($name in $Mailbox) {
        $cas = Get-CASMailbox -ErrorAction Stop -Identity $name
        $account = Get-User -ErrorAction Stop -Identity $name
        $id = [string] $account.ExternalDirectoryObjectId
        @{ address = [string] $cas.PrimarySmtpAddress
           id = $id
           smtpClientAuthenticationDisabled = $cas.SmtpClientAuthenticationDisabled
           authenticationPolicy = [string] $account.AuthenticationPolicy
           memberOf = @(Read-Memberships $id) }
    }
}

$defaults = $null
$access = $null
$apps = $null
if ($SkipGraph) {
    $script:problems += @{ part = 'securityDefaults'; message = 'left out by -SkipGraph' }
    $script:problems += @{ part = 'conditionalAccess'; message = 'left out by -SkipGraph' }
    $script:problems += @{ part = 'applications'; message = 'left out by -SkipGraph' }
}
else {
    $defaults = Read-Part 'securityDefaults' {
        @{ enabled = (Get-MgPolicyIdentitySecurityDefaultEnforcementPolicy -ErrorAction Stop).IsEnabled }
    }
    $access = Read-Part 'conditionalAccess' {
        Get-MgIdentityConditionalAccessPolicy -ErrorAction Stop -All | ForEach-Object {
            $when = $_.Conditions
            @{ name = [string] $_.DisplayName
               state = [string] $_.State
               clientAppTypes = @($when.ClientAppTypes)
               includeApplications = @($when.Applications.IncludeApplications)
               excludeApplications = @($when.Applications.ExcludeApplications)
               includeUsers = @($when.Users.IncludeUsers)
               excludeUsers = @($when.Users.ExcludeUsers)
               includeGroups = @($when.Users.IncludeGroups)
               excludeGroups = @($when.Users.ExcludeGroups)
               hasRoles = [bool] $when.Users.IncludeRoles
               hasFurtherConditions = [bool] ($when.Locations.IncludeLocations -or $when.Platforms.IncludePlatforms -or $when.SignInRiskLevels -or $when.UserRiskLevels)
               grantControls = @($_.GrantControls.BuiltInControls) }
        }
    }
    $apps = Read-Part 'applications' {
        @($hve | ForEach-Object { $_.allowedApps }) | Where-Object { $_ } | Select-Object -Unique | ForEach-Object {
            $found = Get-MgServicePrincipal -ErrorAction Stop -Filter "id eq '$_'"
            @{ objectId = [string] $_; found = [bool] $found; name = [string] $found.DisplayName; enabled = $found.AccountEnabled }
        }
    }
}

@{ format = 'kairan-tenant'
   version = 1
   collected = (Get-Date).ToUniversalTime().ToString('yyyy-MM-ddTHH:mm:ssZ')
   errors = @($script:problems)
   transport = $transport
   organization = $organization
   domains = @($domains)
   authenticationPolicies = @($policies)
   billingPolicies = @($billing)
   hveAccounts = @($hve)
   mailboxes = @($mailboxes)
   securityDefaults = $defaults
   conditionalAccess = @($access)
   applications = @($apps) } | ConvertTo-Json -Depth 8
"""
