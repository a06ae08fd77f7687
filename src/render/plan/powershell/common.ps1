Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'
Import-Module -Name ActiveDirectory -Verbose:$false

$servers = @{}
$onlyDomain = ''
if ($Server) { $onlyDomain = (Get-ADDomain -Server $Server).DNSRoot }

# Whether this run is about a domain: with -Server it is about that controller's own.
function Test-Domain {
    param([string] $Domain)
    ($onlyDomain -eq '') -or ($onlyDomain -eq $Domain)
}

# One controller for each domain, so that what is read is what was written.
function Resolve-Controller {
    param([string] $Domain)
    if ($Server) { return $Server }
    if (-not $servers.ContainsKey($Domain)) {
        $found = Get-ADDomainController -Discover -DomainName $Domain -Writable
        $servers[$Domain] = "$($found.HostName)"
    }
    $servers[$Domain]
}

# What a computer object holds now. It must be the object of the bundle, not another one of its name.
function Read-State {
    param([hashtable] $Item, [string] $Controller)
    $wanted = @('msDS-AllowedToDelegateTo', 'userAccountControl')
    $found = Get-ADComputer -Identity $Item.Object -Server $Controller -Properties $wanted
    if ($Item.Sid -and ("$($found.SID)" -ne $Item.Sid)) {
        throw "$($Item.Object) is another object now: its SID is $($found.SID), and was $($Item.Sid) in the bundle."
    }
    $list = @($found['msDS-AllowedToDelegateTo'] | Where-Object { $_ })
    @{ Control = $found.userAccountControl; List = $list }
}
