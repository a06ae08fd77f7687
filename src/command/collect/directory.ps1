# ---------------------------------------------------------------------------------------------------------------
# The directory, by LDAP through .NET: computer objects of the machines, the users who start moves, trustees.
# ---------------------------------------------------------------------------------------------------------------

# All that is ever asked of the directory. What is not on this list is not read.
$DirectoryAttributes = @(
    'objectClass'
    'cn'
    'name'
    'instanceType'
    'uSNChanged'
    'whenChanged'
    'objectSid'
    'sAMAccountName'
    'dNSHostName'
    'userAccountControl'
    'pwdLastSet'
    'servicePrincipalName'
    'msDS-AllowedToDelegateTo'
    'msDS-AllowedToActOnBehalfOfOtherIdentity'
    'primaryGroupID'
    'msDS-SupportedEncryptionTypes'
    'msDS-ReplAttributeMetaData'
    'operatingSystem'
    'operatingSystemVersion'
    'member'
    'memberOf'
)

# Text as it may stand in a filter (RFC 4515).
function ConvertTo-FilterText {
    param([string]$Text)
    $Text.Replace('\', '\5c').Replace('*', '\2a').Replace('(', '\28').Replace(')', '\29')
}

# A value as LDAP writes it: bytes as they are, all else as text.
function ConvertTo-LdapValue {
    param($Value)
    $invariant = [System.Globalization.CultureInfo]::InvariantCulture
    if ($Value -is [byte[]]) { return , $Value }
    if ($Value -is [datetime]) { return $Value.ToUniversalTime().ToString("yyyyMMddHHmmss'.0Z'", $invariant) }
    if ($Value -is [bool]) { return "$Value".ToUpperInvariant() }
    [System.Convert]::ToString($Value, $invariant)
}

# One line of LDIF (RFC 2849): base64 where a value is not plain ASCII, folded at 78 columns.
function Format-LdifLine {
    param([string]$Name, $Value)
    $safe = '^[\x21-\x39\x3B\x3D-\x7E]([\x20-\x7E]*[\x21-\x7E])?\z'
    $plain = $Value -is [string] -and $Value -cmatch $safe
    if ($plain) { $line = "${Name}: $Value" }
    else {
        $bytes = $Value
        if ($Value -is [string]) { $bytes = [System.Text.Encoding]::UTF8.GetBytes($Value) }
        $line = "${Name}:: $([System.Convert]::ToBase64String($bytes))"
    }
    $folded = New-Object System.Text.StringBuilder
    while ($line.Length -gt 78) {
        $null = $folded.Append($line.Substring(0, 78)).Append("`n")
        $line = ' ' + $line.Substring(78)
    }
    $folded.Append($line).Append("`n").ToString()
}

# An object that was found, as an entry of LDIF.
function Format-LdifEntry {
    param($Found)
    $entry = Format-LdifLine 'dn' "$($Found.Properties['distinguishedname'][0])"
    foreach ($name in $DirectoryAttributes) {
        # Long lists arrive in ranges, as 'member;range=0-1499', which kcdoctor reads as cut.
        foreach ($own in @($Found.Properties.PropertyNames)) {
            if ($own -ne $name -and $own -notlike "$name;range=*") { continue }
            $label = $name + $own.Substring($name.Length)
            foreach ($value in $Found.Properties[$own]) {
                $entry += Format-LdifLine $label (ConvertTo-LdapValue $value)
            }
        }
    }
    $entry
}

# The objects that match, with the attributes of the list and no others.
function Find-Objects {
    param([string]$Server, [string]$Filter)
    $root = New-Object System.DirectoryServices.DirectoryEntry "LDAP://$Server"
    $searcher = New-Object System.DirectoryServices.DirectorySearcher $root
    try {
        $searcher.Filter = $Filter
        $searcher.PageSize = 500
        $searcher.ClientTimeout = [timespan]::FromMinutes(2)
        $null = $searcher.PropertiesToLoad.Add('distinguishedName')
        foreach ($name in $DirectoryAttributes) { $null = $searcher.PropertiesToLoad.Add($name) }
        foreach ($found in $searcher.FindAll()) { $found }
    }
    finally {
        $searcher.Dispose()
        $root.Dispose()
    }
}

# A file of LDIF. Its head says what was asked for, so that an attribute that is missing counts as not set. That holds
# as far as the user may read it: what Active Directory hides from a reader looks exactly as if it were not set.
function Write-Ldif {
    param([string]$Path, [string]$Server, [string[]]$Filters)
    $lines = New-Object System.Collections.Generic.List[string]
    $lines.Add('# extended LDIF')
    $lines.Add("# server: $Server")
    $lines.Add("# read as: $([Security.Principal.WindowsIdentity]::GetCurrent().Name)")
    $lines.Add('# what this user may not read looks as if it were not set')
    $lines.Add("# requesting: $($DirectoryAttributes -join ' ')")
    $lines.Add('#')
    $lines.Add('version: 1')
    $lines.Add('')
    $seen = @{}
    foreach ($filter in $Filters) {
        foreach ($found in @(Find-Objects $Server $filter)) {
            $name = "$($found.Properties['distinguishedname'][0])"
            if ($seen.ContainsKey($name)) { continue }
            $seen[$name] = $found
            $lines.Add((Format-LdifEntry $found))
        }
    }
    Write-Utf8 $Path (($lines -join "`n") + "`n")
    $seen.Values
}

# Filters for the objects of machines: by account, and by the service names of live migration, so that a second
# object that bears them is found as well.
function Get-ComputerFilters {
    param([string[]]$Names)
    foreach ($name in $Names) {
        $full = ConvertTo-FilterText $name
        $short = ConvertTo-FilterText ($name.Split('.')[0])
        $service = 'servicePrincipalName=Microsoft Virtual System Migration Service'
        "(|(sAMAccountName=$short`$)(dNSHostName=$full)($service/$short)($service/$full))"
    }
    # Domain controllers carry SERVER_TRUST_ACCOUNT.
    '(&(objectClass=computer)(userAccountControl:1.2.840.113556.1.4.803:=8192))'
}

# Filters for whoever the objects let delegate to themselves, and for Protected Users, whose members never delegate.
function Get-TrusteeFilters {
    param($Objects)
    foreach ($object in @($Objects)) {
        foreach ($bytes in $object.Properties['msds-allowedtoactonbehalfofotheridentity']) {
            $descriptor = New-Object System.Security.AccessControl.RawSecurityDescriptor $bytes, 0
            # A descriptor without a list lets everyone, and names nobody.
            if ($null -eq $descriptor.DiscretionaryAcl) { continue }
            foreach ($entry in $descriptor.DiscretionaryAcl) { "(objectSid=$($entry.SecurityIdentifier))" }
        }
    }
    $own = [Security.Principal.WindowsIdentity]::GetCurrent().User.AccountDomainSid
    if ($null -ne $own) { "(objectSid=$own-525)" }
}

# Computers, users and trustees, each a file of its own.
function Save-Directory {
    param([hashtable]$Place, [string]$Server, [string[]]$Names, [string[]]$Users)
    $script:FoundComputers = $null
    Save-Part $Place 'computer objects' 'computers.ldf' {
        param([string]$Path)
        $script:FoundComputers = @(Write-Ldif $Path $Server @(Get-ComputerFilters $Names))
    }
    Save-Part $Place 'users who start migrations' 'users.ldf' {
        param([string]$Path)
        $filters = @("(objectSid=$([Security.Principal.WindowsIdentity]::GetCurrent().User))")
        foreach ($user in $Users) {
            $account = ConvertTo-FilterText ($user.Split('\')[-1])
            $filters += "(&(objectCategory=person)(|(sAMAccountName=$account)(userPrincipalName=$account)))"
        }
        Write-Ldif $Path $Server $filters
    }
    # Where the search itself failed, nothing is known of what it would have found.
    if ($null -eq $script:FoundComputers) { return }
    Save-Part $Place 'trustees of resource-based delegation' 'trustees.ldf' {
        param([string]$Path)
        Write-Ldif $Path $Server @(Get-TrusteeFilters $script:FoundComputers)
    }
    $missing = @($Names | Where-Object { -not (Test-Found $_) })
    foreach ($name in $missing) {
        New-ManifestItem $name 'computer object' $null "the domain of $Server holds no object of this name" $null
    }
}

# Whether a machine's own object was found.
function Test-Found {
    param([string]$Name)
    $account = $Name.Split('.')[0] + '$'
    foreach ($found in $script:FoundComputers) {
        foreach ($own in $found.Properties['samaccountname']) { if ($own -eq $account) { return $true } }
    }
    $false
}

