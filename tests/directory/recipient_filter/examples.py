"""Filters with what they mean, and filters that are none, with where and why."""

from datetime import UTC, datetime

from kairan.directory.model import Mailbox


def seconds(text):
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def person(name, *, aliases=(), hidden=False, enabled=True, code=None, created=None, **attributes):
    display_name = attributes.pop("displayName", "")
    return Mailbox(
        address=f"{name}@example.com",
        display_name=display_name,
        aliases=frozenset(aliases),
        hidden=hidden,
        enabled=enabled,
        attributes=attributes,
        country_code=code,
        when_created=None if created is None else seconds(created),
    )


FULL_WIDTH = "contoso".translate({n: n + 0xFEE0 for n in range(0x21, 0x7F)})
SALES = "CN=Sales,OU=Groups,DC=example,DC=com"
BOSS = "CN=Boss,OU=People,DC=example,DC=com"

PEOPLE = [
    person("akiko", displayName="佐藤 明子", department="営業部", title="部長", company="回覧",
           city="東京", stateOrProvince="東京都", country="JP", code=392, created="2020-04-01",
           firstName="明子", lastName="佐藤", customAttribute1="正社員"),
    person("bob", displayName="Bob O'Brien", department="Sales", title="Director of Sales",
           company="Contoso", city="Seattle", stateOrProvince="WA", country="US", code=840,
           created="2024-01-31T08:30", manager=BOSS, office="North Building",
           customAttribute10="FullTimeEmployee", aliases=["robert@example.com"]),
    person("carol", displayName="Carol (temp)", department="sales", title="Manager", company="Contoso",
           stateOrProvince="WA", country="US", code=840, created="2026-11-26", alias="carol", enabled=False,
           postalCode="98052", notes="on leave * back in May"),
    person("dan", displayName="Dan\\Ops", department="Sales-912", title="Managing clerk",
           company="Fourth Coffee", stateOrProvince="Oregon", hidden=True, customAttribute15="15"),
    person("emi", displayName="エミ", department="営業第二部", company="カイラン", customAttribute1="パート",
           country="JP", code=392, created="2023-12-31T23:59:59"),
    person("nobody"),
]  # fmt: skip
MEMBERS = {SALES: ["bob", "carol"]}
EVERYONE = {"akiko", "bob", "carol", "dan", "emi", "nobody"}

# The filter; who it fits, by name.
GOOD = [
    ("Department -eq 'Sales'", "bob carol"),
    ("department -EQ 'SALES'", "bob carol"),
    ("Department -ne 'Sales'", "akiko dan emi nobody"),
    ("-not (Department -eq 'Sales')", "akiko dan emi nobody"),
    ("-not Department -eq 'Sales'", "akiko dan emi nobody"),
    ("!(Department -eq 'Sales')", "akiko dan emi nobody"),
    ("Department -like 'Sales*'", "bob carol dan"),
    ("Department -notlike 'Sales*'", "akiko emi nobody"),
    ("Department -like 'sales'", "bob carol"),
    ("Department -like '*'", "akiko bob carol dan emi"),
    ("Department -eq $null", "nobody"),
    ("Department -ne $null", "akiko bob carol dan emi"),
    ("Department -ne `$null", "akiko bob carol dan emi"),
    ("Department -eq '営業部'", "akiko"),
    ("Department -like '営業*'", "akiko emi"),
    ("Company -eq 'ｶｲﾗﾝ'", "emi"),
    ("Company -eq '" + FULL_WIDTH + "'", "bob carol"),
    ("DisplayName -eq 'Bob O''Brien'", "bob"),
    ('DisplayName -eq "Bob O\'Brien"', "bob"),
    ("DisplayName -like 'Carol (*'", "carol"),
    ("DisplayName -eq 'Dan\\Ops'", "dan"),
    ("DisplayName -eq '佐藤\u3000明子'", "akiko"),
    ("Notes -eq 'on leave * back in May'", "carol"),
    ("Title -like 'Manag*' -and Company -eq 'Contoso'", "carol"),
    ("Title -like 'Director*' -or Title -like 'Manager*'", "bob carol"),
    ("Company -eq 'Contoso' -or Company -eq '回覧' -and Title -eq '部長'", "akiko"),
    ("Company -eq 'Contoso' -or (Company -eq '回覧' -and Title -eq '部長')", "akiko bob carol"),
    ("-not Company -eq 'Contoso' -and Department -ne $null", "akiko dan emi"),
    ("HiddenFromAddressListsEnabled -eq $true", "dan"),
    ("HiddenFromAddressListsEnabled -eq $false", "akiko bob carol emi nobody"),
    ("HiddenFromAddressListsEnabled -ne 'False'", "dan"),
    ("CountryCode -eq 840", "bob carol"),
    ("CountryCode -eq '840'", "bob carol"),
    ("CountryCode -lt 840", "akiko emi"),
    ("CountryCode -ge 392 -and CountryCode -le 392", "akiko emi"),
    ("-not (CountryCode -gt 400)", "akiko dan emi nobody"),
    ("CountryCode -eq $null", "dan nobody"),
    ("WhenCreated -ge '2024-01-01'", "bob carol"),
    ("WhenCreated -lt '2024-01-01T09:00+09:00'", "akiko emi"),
    ("WhenCreated -gt '2024-01-31T08:30Z' -or WhenCreated -le '2020-04-01 00:00:00'", "akiko carol"),
    ("RecipientType -eq 'UserMailbox'", "akiko bob carol dan emi nobody"),
    ("RecipientTypeDetails -eq 'SharedMailbox'", ""),
    ("RecipientTypeDetails -ne 'usermailbox'", ""),
    (f"MemberOfGroup -eq '{SALES}'", "bob carol"),
    ("MemberOfGroup -eq 'cn=sales,ou=groups,dc=example,dc=com'", "bob carol"),
    ("MemberOfGroup -eq $null", "akiko dan emi nobody"),
    (f"Manager -eq '{BOSS}'", "bob"),
    ("EmailAddresses -eq 'robert@example.com'", "bob"),
    ("EmailAddresses -like 'SMTP:rob*'", "bob"),
    ("PrimarySmtpAddress -ne 'bob@example.com' -and EmailAddresses -like 'b*'", ""),
    ("PrimarySmtpAddress -eq 'robert@example.com'", "bob"),
    ("C -eq 'JP' -and CommonName -eq 'エミ'", "emi"),
    ("UserAccountControl -eq 514", "carol"),
    ("UserAccountControl -ne '66050' -and Department -like 'Sales*'", "bob dan"),
    ("-not(UserAccountControl -eq 'AccountDisabled, NormalAccount')", "akiko bob dan emi nobody"),
    ("ExchangeUserAccountControl -eq 'None' -and Company -eq 'Contoso'", "bob"),
    ("Department -eq '$null'", "nobody"),
    ('Department -ne "`$NULL" -and HiddenFromAddressListsEnabled -eq \'$True\'', "dan"),
    ("CustomAttribute15 -eq 15", "dan"),
    ("CustomAttribute1 -eq '正社員' -or CustomAttribute1 -eq 'パート'", "akiko emi"),
    ("StateOrProvince -eq 'wa' -and Office -ne $null", "bob"),
    ("PostalCode -like '980*' -or City -eq '東京'", "akiko carol"),
    ("{ CountryOrRegion -eq 'JP' -and Alias -eq $null }", "akiko emi"),
    ("FirstName -eq '明子' -and LastName -eq '佐藤'", "akiko"),
    ("((((((((((Alias -eq 'carol'))))))))))", "carol"),
    ("Department -eq 'x''); DROP TABLE mailbox; --'", ""),
    ("Department -eq '*)(objectClass=*'", ""),
]  # fmt: skip

# As they stand in Microsoft's pages and in forums, the quoting of the shell around them aside.
PUBLIC = [
    # New-DynamicDistributionGroup, examples 2 and 3
    ("(RecipientTypeDetails -eq 'UserMailbox') -and (Title -like 'Director*' -or Title -like 'Manager*') -and (StateOrProvince -eq 'WA')", "bob carol"),
    ("(RecipientTypeDetails -eq 'UserMailbox') -and (CustomAttribute10 -eq 'FullTimeEmployee')", "bob"),
    # Recipient filters in Exchange PowerShell commands
    ("((RecipientTypeDetails -eq 'UserMailbox') -and (Company -eq 'Contoso') -and (Office -eq 'North Building'))", "bob"),
    ("Title -like 'Manager*'", "carol"),
    # Troubleshooting: mail-enabled users in a hybrid deployment
    ("{(RecipientType -eq 'UserMailbox') -or (RecipientType -eq 'MailUser') -or (RecipientType -eq 'MailContact')}", "akiko bob carol dan emi nobody"),
    # New-AddressList
    ("{((RecipientType -eq 'UserMailbox') -and ((StateOrProvince -eq 'Washington') -or (StateOrProvince -eq 'Oregon')))}", "dan"),
    # Set-GlobalAddressList
    ('{Company -eq "Fourth Coffee"}', "dan"),
    # New-EmailAddressPolicy
    ("{((RecipientType -eq 'UserMailbox') -and (Title -like 'executive'))}", ""),
    # what Exchange makes of a filter when it stores it
    ("((RecipientType -eq 'UserMailbox') -and (-not(RecipientTypeDetails -eq 'SharedMailbox')) -and(-not(Name -like 'SystemMailbox{*')) -and (-not(Name -like 'CAS_{*')) -and\n(-not(RecipientTypeDetailsValue -eq 'MailboxPlan')) -and (-not(RecipientTypeDetailsValue -eq 'DiscoveryMailbox')) -and\n(-not(RecipientTypeDetailsValue -eq 'PublicFolderMailbox')) -and (-not(RecipientTypeDetailsValue -eq\n'ArbitrationMailbox')) -and (-not(RecipientTypeDetailsValue -eq 'AuditLogMailbox')) -and (-not(RecipientTypeDetailsValue\n-eq 'AuxAuditLogMailbox')) -and (-not(RecipientTypeDetailsValue -eq 'SupervisoryReviewPolicyMailbox')) -and\n(-not(RecipientTypeDetailsValue -eq 'GuestMailUser')))", "akiko bob carol dan emi nobody"),
    # forums and blogs: people whose accounts are blocked
    ("((RecipientType -eq 'UserMailbox') -and (Title -like 'Director*') -and (ExchangeUserAccountControl -ne 'AccountDisabled'))", "bob"),
    ("-not(userAccountControl -eq 'AccountDisabled, NormalAccount')", "akiko bob dan emi nobody"),
    ("(Company -eq \"Contoso\") -and (RecipientTypeDetails -eq \"UserMailbox\") -and (ExchangeUserAccountControl -ne 'AccountDisabled')", "bob"),
    ("{(DisplayName -notlike 'DisplayName*') -and (PrimarySmtpAddress -notlike 'ext*') -and (ExchangeUserAccountControl -ne 'AccountDisabled') -and (RecipientType -eq 'UserMailbox') -and (RecipientTypeDetails -ne 'SharedMailbox') -and (RecipientTypeDetails -ne 'RoomMailbox') -and (RecipientTypeDetails -ne 'EquipmentMailbox') -and (CustomAttribute1 -ne 'CustomAttributeExample')}", "akiko bob dan emi nobody"),
    ("((((Company -eq 'BELL') -and (RecipientTypeDetails -eq 'UserMailbox')))  -and (-not(Name -like 'EWR-{*'))  -and (-not(Title -eq 'SMTP Relay'))  -and (-not(RecipientTypeDetailsValue -eq 'MailboxPlan'))  -and (-not(RecipientTypeDetailsValue -eq 'AuxAuditLogMailbox'))  -and (-not(RecipientTypeDetailsValue -eq 'SupervisoryReviewPolicyMailbox'))  -and (UserAccountControl -ne 'AccountDisabled') )", ""),
    # address book policies, where PowerShell had put $null into quotes
    ("((Alias -ne '`$NULL') -and (CustomAttribute1 -eq 'Fabrikam'))", ""),
    # hosting of several companies: "Address book policies" in Microsoft's pages
    ("((RecipientType -eq 'UserMailbox') -or (RecipientType -eq 'MailUniversalDistributionGroup') -or (RecipientType -eq 'DynamicDistributionGroup')) -and (CustomAttribute15 -eq '15') -or (CustomAttribute15 -eq 'CEO')", "dan"),
    # members of a security group, its name in double quotes
    (f'{{((RecipientType -eq \'UserMailbox\') -or (RecipientType -eq \'MailContact\') -or (RecipientType -eq \'MailUser\')) -and (MemberOfGroup -eq "{SALES}")}}', "bob carol"),
    ("(HiddenFromAddressListsEnabled -eq '$False' -and RecipientTypeDetails -eq 'UserMailbox') -and (city -eq 'Seattle' -and stateorprovince -eq 'WA')", "bob"),
    ("{((RecipientType -eq 'UserMailbox') -and \n                 (-not (Department -eq $null)) -and \n                 (-not(Name -like 'SystemMailbox{*')) -and (-not(Name -like 'CAS_{*')))}", "akiko bob carol dan emi"),
    ("(PrimarySMTPAddress -eq 'robert@example.com') -OR (PrimarySMTPAddress -eq 'dan@example.com')", "bob dan"),
    ("{ ((RecipientType -eq 'UserMailbox') -and (Office -like 'North Building')) -and (((-not(Name -like 'SystemMailbox{*')) -and (-not(Title -like 'Call Center Agent'))))}", "bob"),
    # scripts in public repositories
    ("(RecipientTypeDetails -eq 'UserMailbox') -and (Office -eq 'Boston' -or Office -eq 'MA') -and (Department -eq '912' -or Department -eq 'Sales-912' -or Department -eq 'Sales') -and (CustomAttribute1 -ne 'Disabled')", ""),
    ("{RecipientType -eq \"UserMailbox\" -and City -eq \"Foshan, Chan Cheng\" -and HiddenFromAddressListsEnabled -eq $false}", ""),
    ("{ (RecipientType -eq 'UserMailbox') -and (City -EQ \"New York City\") }", ""),
    ("(Department -eq 'IT') -and (Office -eq 'Salt Lake City')", ""),
]  # fmt: skip

# With `*` anywhere: Exchange Server, and here where `exchange_online_limits = false`.
RELAXED = [
    ("Department -like '*部'", "akiko emi"),
    ("Department -like '営業*二*'", "emi"),
    ("Title -like '*sales'", "bob"),
    ("DisplayName -like 'b*o''*n'", "bob"),
    ("EmailAddresses -like 'smtp:*@example.com'", "akiko bob carol dan emi nobody"),
    ("EmailAddresses -notlike '*robert*'", "akiko carol dan emi nobody"),
    ("Notes -like '*leave * back*'", "carol"),
    ("Department -like '**'", "akiko bob carol dan emi"),
]

# The filter; at which character, counted from 1; words of what is said.
BAD = [
    ("", 1, "ends too early; expected a property"),
    ("   ", 4, "ends too early"),
    ("Department", 11, "ends too early; expected -eq"),
    ("Department -eq", 15, "expected a value"),
    ("Department 'Sales'", 12, "expected -eq"),
    ("Department -eq Sales", 16, "text is written 'Sales'"),
    ("Department -eq 'Sales", 16, "this quote is not closed"),
    ("Department -eq \u2018Sales\u2019", 16, "typographic"),
    ("Department = 'Sales'", 12, "comparisons are words"),
    ("Department eq 'Sales'", 12, "expected -eq"),
    ("Department -contains 'Sales'", 12, "there is no -contains here"),
    ("Department -match 'S.*'", 12, "there is no -match here"),
    ("Department -eq 'O'Brien'", 19, "expected"),
    ("Department -eq 'a' Company -eq 'b'", 20, "expected -and, -or or the end"),
    ("Department -eq 'a' & Company -eq 'b'", 20, "joined by words"),
    ("Department -eq 'a' -and", 24, "ends too early"),
    ("Department -eq 'a' -xor Company -eq 'b'", 20, "there is no -xor here"),
    ("(Department -eq 'a'", 20, "ends too early; expected )") ,
    ("Department -eq 'a')", 19, "expected"),
    ("()", 2, "expected a property"),
    ("{Department -eq 'a'", 20, "}"),
    ("-and Department -eq 'a'", 1, "expected a property"),
    ("Departmnet -eq 'a'", 1, "did you mean Department?"),
    ("Company -eq 'a' -and Colour -eq 'red'", 22, "there is no property Colour"),
    ("ManagedBy -eq 'CN=x'", 1, "Exchange has the property ManagedBy"),
    ("UserPrincipalName -like 'a*'", 1, "this directory does not hold it"),
    ("(UsageLocation -eq 'BR')", 2, "Exchange has the property UsageLocation"),
    ("-not(RecipientContainer -like 'OU=Backup,DC=x,DC=y')", 6, "Exchange has the property RecipientContainer"),
    ("UserAccountControl -band '0x0002'", 20, "there is no -band here"),
    ("UserAccountControl -eq 'Lockout'", 24, "all that is known of UserAccountControl here"),
    ("UserAccountControl -eq 530", 24, "all that is known of UserAccountControl here"),
    ("UserAccountControl -eq $null", 24, "never blank"),
    ("UserAccountControl -like 'Account*'", 20, "compares text"),
    ("RecipientType -eq 'UserMailbox' -or 'MailUser'", 37, "expected"),
    ("Department -like '$null'", 18, "blank is -eq $null"),
    ("Department -like '*Sales'", 19, "at the end of a text alone"),
    ("Department -like 'Sa*les'", 21, "at the end of a text alone"),
    ("Department -like $null", 18, "blank is -eq $null"),
    ("Department -eq ''", 16, "fits nobody"),
    ("Department -eq $true", 16, "Department is a text"),
    ("Department -eq $User", 16, "a variable must be replaced"),
    ("Department -gt 'M'", 12, "compares numbers and dates"),
    ("HiddenFromAddressListsEnabled -eq 'yes'", 35, "$true or $false"),
    ("HiddenFromAddressListsEnabled -eq $null", 35, "never blank"),
    ("HiddenFromAddressListsEnabled -like 't*'", 31, "compares text"),
    ("CountryCode -eq 'JP'", 17, "a whole number"),
    ("CountryCode -eq 99999999999", 17, "at most 32 bits"),
    ("CountryCode -eq 8.5", 17, "text is written '8.5'"),
    ("CountryCode -like '8*'", 13, "compares text"),
    ("WhenCreated -ge '31/01/2024'", 17, "such as '2026-11-26'"),
    ("WhenCreated -ge '2024-02-30'", 17, "day"),
    ("WhenCreated -ge 20240101", 17, "a date in single quotes"),
    ("RecipientType -eq 'Usermailbx'", 19, "did you mean 'UserMailbox'?"),
    ("RecipientTypeDetails -eq 'xyz'", 26, "there are UserMailbox"),
    ("RecipientType -like 'User*'", 15, "compares text"),
    ("MemberOfGroup -eq 'Sales'", 19, "would match nobody"),
    ("Manager -eq 'Bob O''Brien'", 13, "would match nobody"),
    ("Manager -like 'CN=*'", 9, "compares text"),
    ("Department -eq 'a\tb'", 16, "control characters"),
]  # fmt: skip
