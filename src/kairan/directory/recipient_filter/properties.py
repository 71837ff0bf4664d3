"""The properties a filter may name: what kind of value each has, and its name in LDAP.

Microsoft's list is "Filterable properties for the RecipientFilter parameter" (learn.microsoft.com,
powershell/exchange/recipientfilter-properties, read on 2026-11-26).  Ours are those of it that a
directory of ours can hold; of the others we know the name, to say so.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from enum import Enum

from kairan.outcomes.outcome import Text


class Kind(Enum):
    """The value in words, for those who write filters."""

    TEXT = Text("a text in single quotes", "一重引用符で囲んだ文字列")
    BOOLEAN = Text("$true or $false", "$true または $false")
    NUMBER = Text("a whole number", "整数")
    DATE = Text(
        "a date in single quotes, such as '2026-11-26' or '2026-11-26T08:00Z'",
        "一重引用符で囲んだ日付（例: '2026-11-26'、'2026-11-26T08:00Z'）",
    )
    RECIPIENT_TYPE = Text(
        "a recipient type in single quotes, such as 'UserMailbox'",
        "一重引用符で囲んだ受信者の種類（例: 'UserMailbox'）",
    )
    ACCOUNT_CONTROL = Text(
        "'AccountDisabled' or 'None', or a number of these such as 514 or 512",
        "'AccountDisabled' か 'None'、またはその数値（例: 514、512）",
    )
    LINK = Text(
        "a distinguished name in single quotes, such as 'CN=Sales,OU=Groups,DC=example,DC=com'",
        "一重引用符で囲んだ識別名（例: 'CN=Sales,OU=Groups,DC=example,DC=com'）",
    )


@dataclass(frozen=True, slots=True)
class Property:
    name: str
    kind: Kind
    ldap: str
    is_address: bool = False  # of proxyAddresses: a text with a scheme such as smtp: before it


def _texts() -> list[Property]:
    pairs = {
        "Alias": "mailNickname",
        "City": "l",
        "Company": "company",
        "CountryOrRegion": "c",
        "Department": "department",
        "DisplayName": "displayName",
        "FirstName": "givenName",
        "LastName": "sn",
        "Name": "cn",
        "Notes": "info",
        "Office": "physicalDeliveryOfficeName",
        "PostalCode": "postalCode",
        "StateOrProvince": "st",
        "Title": "title",
        **{f"CustomAttribute{n}": f"extensionAttribute{n}" for n in range(1, 16)},
    }
    return [Property(name, Kind.TEXT, ldap) for name, ldap in pairs.items()]


PROPERTIES: tuple[Property, ...] = (
    *_texts(),
    Property("EmailAddresses", Kind.TEXT, "proxyAddresses", is_address=True),
    Property("HiddenFromAddressListsEnabled", Kind.BOOLEAN, "msExchHideFromAddressLists"),
    Property("UserAccountControl", Kind.ACCOUNT_CONTROL, "userAccountControl"),
    Property("CountryCode", Kind.NUMBER, "countryCode"),
    Property("WhenCreated", Kind.DATE, "whenCreated"),
    Property("RecipientType", Kind.RECIPIENT_TYPE, "msExchRecipientTypeDetails"),
    Property("RecipientTypeDetails", Kind.RECIPIENT_TYPE, "msExchRecipientTypeDetails"),
    # As Exchange itself writes it when it adds its own conditions to a filter.
    Property("RecipientTypeDetailsValue", Kind.RECIPIENT_TYPE, "msExchRecipientTypeDetails"),
    Property("Manager", Kind.LINK, "manager"),
    Property("MemberOfGroup", Kind.LINK, "memberOf"),
)

_ALSO_CALLED = {
    "C": "CountryOrRegion",
    "CommonName": "Name",
    "ExchangeUserAccountControl": "UserAccountControl",
    # "Any filter that uses the PrimarySmtpAddress property will also search values in the EmailAddresses
    # property", says Microsoft's list.
    "PrimarySmtpAddress": "EmailAddresses",
    "WindowsEmailAddress": "EmailAddresses",
}
_OWN: Mapping[str, Property] = {one.name.lower(): one for one in PROPERTIES}
_BY_NAME: Mapping[str, Property] = {
    **_OWN,
    **{also.lower(): _OWN[name.lower()] for also, name in _ALSO_CALLED.items()},
}

# The rest of Microsoft's list, and what stands in public filters besides: no directory of ours holds it.
_EXCHANGE_ALONE = """
AcceptMessagesOnlyFrom AcceptMessagesOnlyFromDLMembers ActiveSyncEnabled ActiveSyncMailboxPolicy
AddressBookPolicy AddressListMembership AdminDisplayName AdministrativeUnits ArbitrationMailbox
ArchiveDatabase ArchiveDomain ArchiveGuid ArchiveName ArchiveQuota ArchiveRelease ArchiveState
ArchiveStatus ArchiveWarningQuota AssistantName AuditEnabled AuditLogAgeLimit AuthenticationPolicy
CertificateSubject Co Database DataEncryptionPolicy DefaultPublicFolderMailbox DeletedItemFlags
DeliverToMailboxAndForward Description DirectReports DistinguishedName EcpEnabled
EmailAddressPolicyEnabled EwsEnabled ExchangeGuid ExchangeVersion ExpansionServer
ExtensionCustomAttribute1 ExtensionCustomAttribute2 ExtensionCustomAttribute3 ExtensionCustomAttribute4
ExtensionCustomAttribute5 ExternalDirectoryObjectId ExternalEmailAddress Fax ForwardingAddress
ForwardingSmtpAddress GrantSendOnBehalfTo GroupType Guid HiddenGroupMembershipEnabled HomeMTA HomePhone
Id ImapEnabled ImmutableId IncludedRecipients Initials IsDirSynced IsInactiveMailbox IsMailboxEnabled
IsSoftDeletedByDisable IsSoftDeletedByRemove IssueWarningQuota LanguagesRaw LdapRecipientFilter
LegacyExchangeDN LitigationHoldDate LitigationHoldEnabled LitigationHoldOwner LocaleID MailboxPlan
MailboxRelease MAPIEnabled MailTipTranslations ManagedBy MaxReceiveSize MaxSendSize
MemberDepartRestriction MemberJoinRestriction Members MobilePhone ModeratedBy ModerationEnabled NetID
ObjectCategory ObjectClass OfflineAddressBook OtherFax OtherHomePhone OtherTelephone OWAEnabled
OWAMailboxPolicy Pager Phone PhoneticCompany PhoneticDepartment PhoneticDisplayName PhoneticFirstName
PhoneticLastName PopEnabled PostOfficeBox PreviousRecipientTypeDetails PrimaryGroupId ProhibitSendQuota
ProhibitSendReceiveQuota ProtocolSettings RawCanonicalName RawExternalEmailAddress RawName
RecipientContainer RecipientDisplayType RecipientLimits RejectMessagesFrom RejectMessagesFromDLMembers
RemotePowerShellEnabled RemoteRecipientType ReportToManagerEnabled ReportToOriginatorEnabled
RequireAllSendersAreAuthenticated ResourceCapacity ResourceCustom ResourceMetaData
ResourcePropertiesDisplay ResourceSearchProperties ResourceType RetentionPolicy RoleAssignmentPolicy
SamAccountName SendDeliveryReportsTo SendOofMessageToOriginatorEnabled ServerLegacyDN ServerName
SharingPolicy SimpleDisplayName SKUAssigned StreetAddress TelephoneAssistant ThrottlingPolicy
UMAddresses UMEnabled UMMailboxPolicy UsageLocation UserPrincipalName UseDatabaseQuotaDefaults
WebPage WhenChanged WhenIBSegmentChanged WhenMailboxCreated WhenSoftDeleted
"""
_KNOWN_TO_EXCHANGE = frozenset(name.lower() for name in _EXCHANGE_ALONE.split())


def property_of(name: str) -> Property | Text:
    """In any case; or why there is none of this name."""
    found = _BY_NAME.get(name.lower())
    if found is not None:
        return found
    if name.lower() in _KNOWN_TO_EXCHANGE:
        return Text(
            f"Exchange has the property {name}, this directory does not hold it",
            f"Exchange には {name} プロパティがありますが、このディレクトリにはありません",
        )
    near = get_close_matches(name.lower(), _BY_NAME, n=1)
    meant = _BY_NAME[near[0]].name if near else ""
    return Text(
        f"there is no property {name}" + (f"; did you mean {meant}?" if meant else ""),
        f"{name} というプロパティはありません" + (f"。{meant} ではありませんか?" if meant else ""),
    )


# -- recipient types -------------------------------------------------------------------------------

# RecipientTypeDetails as Active Directory holds it (msExchRecipientTypeDetails).
DETAILS: Mapping[str, int] = {
    name: 1 << bit
    for name, bit in {
        "UserMailbox": 0,
        "LinkedMailbox": 1,
        "SharedMailbox": 2,
        "LegacyMailbox": 3,
        "RoomMailbox": 4,
        "EquipmentMailbox": 5,
        "MailContact": 6,
        "MailUser": 7,
        "MailUniversalDistributionGroup": 8,
        "MailNonUniversalGroup": 9,
        "MailUniversalSecurityGroup": 10,
        "DynamicDistributionGroup": 11,
        "PublicFolder": 12,
        "SystemAttendantMailbox": 13,
        "SystemMailbox": 14,
        "MailForestContact": 15,
        "ArbitrationMailbox": 23,
        "MailboxPlan": 24,
        "RoomList": 28,
        "DiscoveryMailbox": 29,
        "RemoteUserMailbox": 31,
        "RemoteRoomMailbox": 33,
        "RemoteEquipmentMailbox": 34,
        "RemoteSharedMailbox": 35,
        "PublicFolderMailbox": 36,
        "TeamMailbox": 37,
        "MonitoringMailbox": 39,
        "GroupMailbox": 40,
        "LinkedRoomMailbox": 41,
        "AuditLogMailbox": 42,
        "SchedulingMailbox": 44,
        "GuestMailUser": 45,
        "AuxAuditLogMailbox": 46,
        "SupervisoryReviewPolicyMailbox": 47,
    }.items()
}

_TYPES: Mapping[str, str] = {
    "UserMailbox": """UserMailbox LinkedMailbox SharedMailbox LegacyMailbox RoomMailbox EquipmentMailbox
        ArbitrationMailbox DiscoveryMailbox PublicFolderMailbox TeamMailbox MonitoringMailbox
        GroupMailbox LinkedRoomMailbox AuditLogMailbox SchedulingMailbox AuxAuditLogMailbox
        SupervisoryReviewPolicyMailbox""",
    "MailUser": """MailUser RemoteUserMailbox RemoteRoomMailbox RemoteEquipmentMailbox
        RemoteSharedMailbox GuestMailUser""",
    "MailContact": "MailContact MailForestContact",
    "MailUniversalDistributionGroup": "MailUniversalDistributionGroup RoomList",
    "MailUniversalSecurityGroup": "MailUniversalSecurityGroup",
    "MailNonUniversalGroup": "MailNonUniversalGroup",
    "DynamicDistributionGroup": "DynamicDistributionGroup",
    "PublicFolder": "PublicFolder",
}


# Nobody logs in as one of these, so their accounts are disabled from the first day.
WITHOUT_LOGIN = frozenset(
    [
        "SharedMailbox",
        "RoomMailbox",
        "EquipmentMailbox",
        "LinkedRoomMailbox",
        "SchedulingMailbox",
        "RemoteSharedMailbox",
        "RemoteRoomMailbox",
        "RemoteEquipmentMailbox",
    ]
)
OUTSIDE = frozenset(f"{_TYPES['MailUser']} {_TYPES['MailContact']}".split())


def _by_lower(names: Mapping[str, frozenset[int]]) -> Mapping[str, frozenset[int]]:
    return {name.lower(): numbers for name, numbers in names.items()}


_DETAILS_BY_NAME = _by_lower({name: frozenset({number}) for name, number in DETAILS.items()})
_TYPES_BY_NAME = _by_lower(
    {name: frozenset(DETAILS[one] for one in details.split()) for name, details in _TYPES.items()}
)


def recipient_type(name: str) -> str | None:
    """In Exchange's own spelling; None: there is no RecipientTypeDetails of this name."""
    return next((known for known in DETAILS if known.lower() == name.lower()), None)


def is_outside(recipient_type: str) -> bool:
    """Whose mailbox is somewhere else, so that the address may be of any domain."""
    return recipient_type in OUTSIDE


def details_of(wanted: Property, value: str) -> frozenset[int] | Text:
    """Which RecipientTypeDetails a type means; or why it means none."""
    known, names = (
        (_TYPES_BY_NAME, _TYPES) if wanted.name == "RecipientType" else (_DETAILS_BY_NAME, DETAILS)
    )
    found = known.get(value.lower())
    if found is not None:
        return found
    by_lower = {name.lower(): name for name in names}
    near = get_close_matches(value.lower(), by_lower, n=1)
    if near:
        meant = by_lower[near[0]]
        hint = Text(f"did you mean '{meant}'?", f"'{meant}' ではありませんか?")
    else:
        there_are = ", ".join(names)
        hint = Text(f"there are {there_are}", f"使用できる値: {there_are}")
    return Text(
        f"{wanted.name} is never '{value}'; {hint.en}",
        f"{wanted.name} に '{value}' という値はありません。{hint.ja}",
    )


# -- accounts --------------------------------------------------------------------------------------

# Bits of ADS_USER_FLAG_ENUM by Exchange's names.  Of the others this directory knows nothing: a filter
# that asks for one would fit the wrong people.
ACCOUNT_DISABLED = 0x2
_ACCOUNT_FLAGS = {
    "none": 0,
    "accountdisabled": ACCOUNT_DISABLED,
    "passwordnotrequired": 0x20,
    "normalaccount": 0x200,
    "donotexpirepassword": 0x10000,
}


def is_disabled(value: str) -> bool | None:
    """Whether a value of UserAccountControl, a number or names, is of a disabled account; None: it says
    something else besides.
    """
    if value.isascii() and value.isdigit() and len(value) <= 10:
        number = int(value)
    else:
        flags = [_ACCOUNT_FLAGS.get(one.strip().lower()) for one in value.split(",")]
        number = 0
        for flag in flags:
            if flag is None:
                return None
            number |= flag
    known = 0
    for flag in _ACCOUNT_FLAGS.values():
        known |= flag
    return None if number & ~known else bool(number & ACCOUNT_DISABLED)
