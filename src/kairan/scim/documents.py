"""The documents: of RFC 7643's attributes those that become something of a recipient, and one
extension for what Exchange has besides.  Whatever else is sent is taken and not kept.

Entra departs from the RFC in small things (capital letters, a text where a truth belongs, a filter
that describes what it adds); the policy says which of them are taken as they are meant.
"""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, TypeAlias

from pydantic import Field
from scim2_models import (
    URN,
    AnyExtension,
    AuthenticationScheme,
    Bulk,
    ChangePassword,
    ComplexAttribute,
    EnterpriseUser,
    ETag,
    Extension,
    External,
    Filter,
    GroupMember,
    Mutability,
    Name,
    Patch,
    Reference,
    Required,
    Resource,
    ResourceType,
    ScimPolicy,
    ScimProvider,
    ServiceProviderConfig,
    Sort,
    Uniqueness,
)
from scim2_models import Address as PostalAddress

from kairan.directory.operations.scim_resources import PushedKind

USER_URN = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP_URN = "urn:ietf:params:scim:schemas:core:2.0:Group"
# As Entra wants the name of an extension that is the administrator's to map.
PERSON_EXTENSION_URN = "urn:ietf:params:scim:schemas:extension:kairan:2.0:User"
GROUP_EXTENSION_URN = "urn:ietf:params:scim:schemas:extension:kairan:2.0:Group"

EXTENSION_ATTRIBUTES = 15  # extensionAttribute1 to 15, as Active Directory and Entra have them

POLICY = ScimPolicy(
    unknown=ScimPolicy.Unknown.ignore,
    remove_value_as_filter=ScimPolicy.RemoveValue.apply,
    unmatched_path_filter=ScimPolicy.UnmatchedPathFilter.create,
)


class RecipientExtension(Extension):
    """What a recipient of Exchange has and RFC 7643 does not know."""

    __schema__ = URN(PERSON_EXTENSION_URN)

    alias: str | None = None
    """Exchange's alias: mailNickname."""

    proxy_addresses: list[str] | None = None
    """All mail addresses, as proxyAddresses has them, such as smtp:name@example.com."""

    hidden: bool | None = None
    """Hidden from address lists."""

    extension_attribute1: str | None = None
    extension_attribute2: str | None = None
    extension_attribute3: str | None = None
    extension_attribute4: str | None = None
    extension_attribute5: str | None = None
    extension_attribute6: str | None = None
    extension_attribute7: str | None = None
    extension_attribute8: str | None = None
    extension_attribute9: str | None = None
    extension_attribute10: str | None = None
    extension_attribute11: str | None = None
    extension_attribute12: str | None = None
    extension_attribute13: str | None = None
    extension_attribute14: str | None = None
    extension_attribute15: str | None = None


class GroupExtension(Extension):
    """A group of RFC 7643 has no address."""

    __schema__ = URN(GROUP_EXTENSION_URN)

    mail: str | None = None
    """The group's mail address."""

    hidden: bool | None = None
    """Hidden from address lists."""


class MailValue(ComplexAttribute):
    """As RFC 7643's, without a check of its own: a domain such as contoso.local is one."""

    value: str | None = None
    """A mail address."""

    display: str | None = None
    """A human-readable name."""

    type: str | None = Field(None, examples=["work", "home", "other"])
    """The attribute's function; each type once."""

    primary: bool | None = None
    """True: the preferred address."""


class MemberValue(GroupMember):
    """A member's name is the member's own, and not to be said here."""

    display: Annotated[str | None, Mutability.read_only] = None
    """The member's name."""


class UserDocument(Resource[AnyExtension]):
    __schema__ = URN(USER_URN)

    user_name: Annotated[str | None, Uniqueness.server, Required.true] = None
    """Unique identifier for the User; Entra's userPrincipalName."""

    name: Name | None = None
    """The components of the user's name."""

    display_name: str | None = None
    """The name of the User, suitable for display."""

    title: str | None = None
    """The user's title."""

    user_type: str | None = None
    """Member or Guest."""

    active: bool | None = None
    """False: the person has left."""

    emails: list[MailValue] | None = None
    """Mail addresses; the primary one, or that of the type work, is the recipient's."""

    addresses: list[PostalAddress] | None = None
    """Postal addresses; of the type work, and of the type other the office."""

    Name: ClassVar[type[ComplexAttribute]] = Name
    Emails: ClassVar[type[ComplexAttribute]] = MailValue
    Addresses: ClassVar[type[ComplexAttribute]] = PostalAddress


class GroupDocument(Resource[AnyExtension]):
    __schema__ = URN(GROUP_URN)

    display_name: Annotated[str | None, Required.true] = None
    """A human-readable name for the Group."""

    members: list[MemberValue] | None = None
    """Users and Groups."""

    Members: ClassVar[type[ComplexAttribute]] = MemberValue


CONFIG = ServiceProviderConfig(
    documentation_uri=None,
    patch=Patch(supported=True),
    bulk=Bulk(supported=False, max_operations=0, max_payload_size=0),
    filter=Filter(supported=True, max_results=200),
    change_password=ChangePassword(supported=False),
    sort=Sort(supported=False),
    etag=ETag(supported=False),
    authentication_schemes=[
        AuthenticationScheme(
            type=AuthenticationScheme.Type.oauthbearertoken,
            name="Bearer token",
            description="A token made by `kairan scim token create`",
            spec_uri=Reference[External]("https://www.rfc-editor.org/info/rfc6750"),
            primary=True,
        )
    ],
)

PersonDocument: TypeAlias = UserDocument[EnterpriseUser | RecipientExtension]
ListDocument: TypeAlias = GroupDocument[GroupExtension]

PROVIDER = ScimProvider(
    models=[UserDocument, GroupDocument, EnterpriseUser, RecipientExtension, GroupExtension],
    resource_types=[
        ResourceType.from_resource(PersonDocument),
        ResourceType.from_resource(ListDocument),
    ],
    config=CONFIG,
    policy=POLICY,
)

MODELS: Mapping[PushedKind, Any] = {
    PushedKind.USER: PersonDocument,
    PushedKind.GROUP: ListDocument,
}
# As RFC 7643 section 8.7 has them.
SCHEMA_NAMES: Mapping[str, str] = {USER_URN: "User", GROUP_URN: "Group"}
