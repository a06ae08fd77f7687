# ---------------------------------------------------------------------------------------------------------------
# What runs on each machine. These functions are sent to remote hosts as text, so they use nothing but each other.
# A place says where files go: the machine's Host name, the Folder on disk, the Prefix of the names in the zip.
# ---------------------------------------------------------------------------------------------------------------

# Text as UTF-8 without a byte order mark, whatever the version of PowerShell.
function Write-Utf8 {
    param([string]$Path, [string]$Text)
    [System.IO.File]::WriteAllText($Path, $Text, (New-Object System.Text.UTF8Encoding $false))
}

# A time that is UTC as ISO 8601, in any culture: some count other years.
function Format-Time {
    param([datetime]$Time)
    $Time.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", [System.Globalization.CultureInfo]::InvariantCulture)
}

# One item of the manifest.
function New-ManifestItem {
    param([string]$HostName, [string]$What, $File, $Problem, $Note)
    [pscustomobject]@{
        host  = $HostName
        what  = $What
        file  = $File
        ok    = ($null -eq $Problem)
        error = $Problem
        note  = $Note
    }
}

# Runs an action that writes one file. What fails costs this file and becomes an item with the error's text.
function Save-Part {
    param([hashtable]$Place, [string]$What, [string]$File, [scriptblock]$Action)
    $target = Join-Path $Place.Folder $File
    try {
        $null = & $Action $target
        if (-not (Test-Path -LiteralPath $target)) { throw 'it ended without an error and wrote nothing' }
        New-ManifestItem $Place.Host $What ($Place.Prefix + $File) $null $null
    }
    catch {
        Remove-Item -LiteralPath $target -Force -ErrorAction SilentlyContinue
        New-ManifestItem $Place.Host $What $null ($_.Exception.Message.Trim()) $null
    }
}

# The lines that a program prints. Programs write to standard error what is no fault, so only the status counts.
function Invoke-Program {
    param([string]$Program, [string[]]$Arguments)
    $ErrorActionPreference = 'Continue'
    $lines = @(& $Program @Arguments 2>&1 | ForEach-Object { "$_" })
    $status = $LASTEXITCODE
    if ($status -ne 0) {
        $said = @($lines | Where-Object { $_.Trim() } | Select-Object -First 3) -join ' '
        throw "$Program $($Arguments -join ' ') ended with status $($status): $said"
    }
    $lines
}

# What a program prints, as a text file.
function Save-Program {
    param([hashtable]$Place, [string]$File, [string]$Program, [string[]]$Arguments)
    Save-Part $Place "$Program $($Arguments -join ' ')" $File {
        param([string]$Path)
        $lines = Invoke-Program $Program $Arguments
        Write-Utf8 $Path (($lines -join "`r`n") + "`r`n")
    }
}

# A value that 5.1 and 7 write alike: numbers and booleans as they are, times as ISO 8601 in UTC, lists as lists, and
# all else (enumerations, versions, GUIDs) as the text that PowerShell shows.
function ConvertTo-PlainValue {
    param($Value)
    if ($null -eq $Value) { return $null }
    if ($Value -is [datetime]) { return Format-Time $Value.ToUniversalTime() }
    # Enumerations of another PowerShell arrive as numbers that show as names.
    if ($Value.PSObject.TypeNames[0] -like 'Deserialized.*' -and $Value -isnot [System.Array]) { return "$Value" }
    if ($Value -is [bool] -or $Value -is [string]) { return $Value }
    if ($Value -is [enum]) { return "$Value" }
    if ($Value -is [System.ValueType] -and "$Value" -match '^-?[0-9]+$') { return $Value }
    if ($Value -is [System.Collections.IEnumerable]) {
        return , @($Value | ForEach-Object { ConvertTo-PlainValue $_ })
    }
    "$Value"
}

# The named properties of an object, and the machine that it was read on.
function Select-Plain {
    param($From, [string[]]$Property)
    $plain = [ordered]@{}
    foreach ($name in $Property) {
        $value = $null
        # Some properties are computed and fail on some machines; then they count as unknown.
        try { $value = ConvertTo-PlainValue $From.PSObject.Properties[$name].Value } catch { $value = $null }
        # A list that a function returned is wrapped, and 5.1 would write it as an object of its own.
        if ($value -is [System.Array]) { $value = @(foreach ($one in $value) { $one }) }
        $plain[$name] = $value
    }
    $plain['PSComputerName'] = $env:COMPUTERNAME
    [pscustomobject]$plain
}

# Objects as JSON: always a list, also where there is one or none.
function Save-Json {
    param([hashtable]$Place, [string]$What, [string]$File, [scriptblock]$Rows)
    Save-Part $Place $What $File {
        param([string]$Path)
        $found = @(& $Rows)
        $text = '[]'
        if ($found.Count -gt 0) { $text = ConvertTo-Json -InputObject $found -Depth 4 }
        Write-Utf8 $Path ($text + "`r`n")
    }
}

# An event log, reduced to the time span, and to some events where a condition is given.
function Save-Log {
    param([hashtable]$Place, [string]$Channel, [int]$Days, [string]$Condition)
    # A log that can't be read is a failure, one that is not there is none.
    try { $logs = @(Invoke-Program 'wevtutil.exe' @('el')) } catch { $logs = @($Channel) }
    if ($logs -notcontains $Channel) {
        return New-ManifestItem $Place.Host "event log $Channel" $null $null 'this machine has no such log'
    }
    # As Event Viewer writes it; the difference in milliseconds would overflow after some weeks.
    $since = (Format-Time ([datetime]::UtcNow.AddDays(-$Days))).Replace('Z', '.000Z')
    $span = "TimeCreated[@SystemTime >= '$since']"
    $query = "*[System[$span]]"
    if ($Condition) { $query = "*[System[($Condition) and $span]]" }
    Save-Part $Place "event log $Channel" (($Channel -replace '/', '-') + '.evtx') {
        param([string]$Path)
        Invoke-Program 'wevtutil.exe' @('epl', $Channel, $Path, '/ow:true', "/q:$query")
    }
}

# Registry keys as 'reg query' prints them. A key that does not exist is printed without values: that nothing is set
# there was seen, and is not unknown.
function Save-Registry {
    param([hashtable]$Place, [string[]]$Keys)
    Save-Part $Place 'registry' 'registry.txt' {
        param([string]$Path)
        $text = New-Object System.Collections.Generic.List[string]
        foreach ($key in $Keys) {
            $text.Add('')
            if (Test-Path -LiteralPath "Registry::$key") {
                foreach ($line in @(Invoke-Program 'reg.exe' @('query', $key))) { $text.Add($line) }
            }
            else { $text.Add($key) }
        }
        Write-Utf8 $Path (($text -join "`r`n") + "`r`n")
    }
}

# The keys whose values say which phase of a hardening a machine is in, and how it may delegate.
function Get-RegistryKeys {
    $control = 'HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Control'
    $services = 'HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Services'
    $policies = 'HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows\CurrentVersion\Policies\System'
    @(
        # Says whose registry this is.
        "$control\ComputerName\ActiveComputerName"
        "$control\Lsa"
        "$control\Lsa\Kerberos\Parameters"
        "$control\Lsa\MSV1_0"
        "$control\DeviceGuard"
        "$control\DeviceGuard\Scenarios\CredentialGuard"
        "$policies\Kerberos\Parameters"
        "$policies\CredSSP\Parameters"
        'HKEY_LOCAL_MACHINE\SOFTWARE\Policies\Microsoft\Windows\DeviceGuard'
        'HKEY_LOCAL_MACHINE\SOFTWARE\Policies\Microsoft\Windows\CredentialsDelegation'
        'HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Ole\AppCompat'
        "$services\Netlogon\Parameters"
        "$services\Kdc"
        "$services\W32Time\Parameters"
    )
}

# What Windows Update did, from its own history. Its dates are UTC. Definitions of the virus scanner would swamp it.
function Get-UpdateHistory {
    $searcher = (New-Object -ComObject Microsoft.Update.Session).CreateUpdateSearcher()
    $count = $searcher.GetTotalHistoryCount()
    if ($count -eq 0) { return }
    foreach ($entry in @($searcher.QueryHistory(0, $count))) {
        if ("$($entry.Title)" -match 'KB2267602|KB4052623') { continue }
        [pscustomobject]@{
            Date           = (Format-Time $entry.Date)
            Operation      = ([int]$entry.Operation)
            ResultCode     = ([int]$entry.ResultCode)
            HResult        = ([int]$entry.HResult)
            Title          = "$($entry.Title)"
            PSComputerName = $env:COMPUTERNAME
        }
    }
}

# Installed updates. The day of installation is local to the machine and has no time, so it is written as a day.
function Get-InstalledUpdates {
    foreach ($fix in @(Get-HotFix)) {
        $day = $null
        try { $day = (Format-Time $fix.InstalledOn).Substring(0, 10) } catch { $day = $null }
        [pscustomobject]@{
            CSName         = "$($fix.CSName)"
            HotFixID       = "$($fix.HotFixID)"
            Description    = "$($fix.Description)"
            InstalledOn    = $day
            PSComputerName = $env:COMPUTERNAME
        }
    }
}

# The policies that reached the machine. Old preferences may hold an encrypted password in 'cpassword', whose key is
# public: its value is taken out before anything leaves the machine.
function Save-Policies {
    param([hashtable]$Place)
    Save-Part $Place 'gpresult /scope computer /x' 'gpresult.xml' {
        param([string]$Path)
        $null = Invoke-Program 'gpresult.exe' @('/scope', 'computer', '/x', $Path, '/f')
        $text = [System.IO.File]::ReadAllText($Path)
        $clean = [regex]::Replace($text, 'cpassword\s*=\s*("[^"]*"|''[^'']*'')', 'cpassword=""', 'IgnoreCase')
        [System.IO.File]::WriteAllText($Path, $clean, [System.Text.Encoding]::Unicode)
    }
}

# What every machine can tell: logs, build, updates, registry, clock, tickets.
function Save-Windows {
    param([hashtable]$Place, [int]$Days)
    $channels = @(
        'System'
        'Setup'
        'Microsoft-Windows-WindowsUpdateClient/Operational'
        'Microsoft-Windows-Kernel-Boot/Operational'
        'Microsoft-Windows-Time-Service/Operational'
        'Microsoft-Windows-Kerberos/Operational'
        'Microsoft-Windows-Security-Kerberos/Operational'
        'Microsoft-Windows-NTLM/Operational'
        'Microsoft-Windows-GroupPolicy/Operational'
    )
    foreach ($channel in $channels) { Save-Log $Place $channel $Days '' }
    Save-Json $Place 'Win32_OperatingSystem' 'Win32_OperatingSystem.json' {
        Select-Plain (Get-CimInstance -ClassName Win32_OperatingSystem) @(
            'CSName', 'Caption', 'Version', 'BuildNumber', 'ProductType', 'InstallDate', 'LastBootUpTime',
            'CurrentTimeZone', 'OSLanguage', 'Locale')
    }
    Save-Json $Place 'CurrentVersion' 'CurrentVersion.json' {
        Select-Plain (Get-ItemProperty 'HKLM:\SOFTWARE\Microsoft\Windows NT\CurrentVersion') @(
            'ProductName', 'EditionID', 'InstallationType', 'DisplayVersion', 'ReleaseId', 'CurrentBuild', 'UBR')
    }
    Save-Json $Place 'Win32_DeviceGuard' 'Win32_DeviceGuard.json' {
        $class = @{ Namespace = 'root\Microsoft\Windows\DeviceGuard'; ClassName = 'Win32_DeviceGuard' }
        Select-Plain (Get-CimInstance @class) @(
            'VirtualizationBasedSecurityStatus', 'SecurityServicesConfigured', 'SecurityServicesRunning',
            'AvailableSecurityProperties', 'RequiredSecurityProperties')
    }
    Save-Json $Place 'Get-HotFix' 'Get-HotFix.json' { Get-InstalledUpdates }
    Save-Json $Place 'Windows Update history' 'WindowsUpdateHistory.json' { Get-UpdateHistory }
    Save-Registry $Place (Get-RegistryKeys)
    Save-Program $Place 'w32tm-status.txt' 'w32tm.exe' @('/query', '/status', '/verbose')
    # Names and times of the machine's own tickets; klist prints no keys.
    Save-Program $Place 'klist.txt' 'klist.exe' @('-li', '0x3e7')
}

# What a Hyper-V host can tell beside that.
function Save-Node {
    param([hashtable]$Place, [int]$Days)
    $channels = @(
        'Microsoft-Windows-Hyper-V-VMMS-Admin'
        'Microsoft-Windows-Hyper-V-VMMS-Operational'
        'Microsoft-Windows-Hyper-V-VMMS-Networking'
        'Microsoft-Windows-Hyper-V-VMMS-Storage'
        'Microsoft-Windows-Hyper-V-High-Availability-Admin'
        'Microsoft-Windows-Hyper-V-Worker-Admin'
        'Microsoft-Windows-Hyper-V-Worker-Operational'
        'Microsoft-Windows-Hyper-V-Hypervisor-Operational'
        'Microsoft-Windows-FailoverClustering/Operational'
        'Microsoft-Windows-SMBClient/Security'
        'Microsoft-Windows-SMBClient/Connectivity'
    )
    foreach ($channel in $channels) { Save-Log $Place $channel $Days '' }
    Save-Json $Place 'Get-VMHost' 'Get-VMHost.json' {
        Select-Plain (Get-VMHost) @(
            'ComputerName', 'Name', 'FullyQualifiedDomainName', 'VirtualMachineMigrationEnabled',
            'VirtualMachineMigrationAuthenticationType', 'VirtualMachineMigrationPerformanceOption',
            'UseAnyNetworkForMigration', 'MaximumVirtualMachineMigrations', 'MaximumStorageMigrations',
            'VirtualHardDiskPath', 'VirtualMachinePath')
    }
    Save-Json $Place 'Get-VM' 'Get-VM.json' {
        foreach ($machine in @(Get-VM)) {
            Select-Plain $machine @(
                'Name', 'VMId', 'State', 'Status', 'ComputerName', 'Version', 'Generation', 'IsClustered',
                'ProcessorCount', 'MemoryStartup')
        }
    }
    Save-Json $Place 'Get-VMMigrationNetwork' 'Get-VMMigrationNetwork.json' {
        foreach ($network in @(Get-VMMigrationNetwork)) {
            Select-Plain $network @('ComputerName', 'Subnet', 'Priority')
        }
    }
    Save-Part $Place 'nltest /sc_query' 'nltest-sc.txt' {
        param([string]$Path)
        $domain = (Get-CimInstance -ClassName Win32_ComputerSystem).Domain
        Write-Utf8 $Path (((Invoke-Program 'nltest.exe' @("/sc_query:$domain")) -join "`r`n") + "`r`n")
    }
    Save-Policies $Place
}

# What a domain controller can tell beside that: which tickets it granted and refused, and who changed which account.
function Save-Controller {
    param([hashtable]$Place, [int]$Days, [bool]$WithSecurity)
    foreach ($channel in @(
            'Directory Service'
            'Microsoft-Windows-Kerberos-Key-Distribution-Center/Operational'
            'Microsoft-Windows-Authentication/AuthenticationPolicyFailures-DomainController'
            'Microsoft-Windows-Authentication/ProtectedUserFailures-DomainController')) {
        Save-Log $Place $channel $Days ''
    }
    if ($WithSecurity) {
        $events = @(4741, 4742, 4743, 4768, 4769, 4771, 4820, 4821, 4824, 5136, 5137, 5141)
        Save-Log $Place 'Security' $Days (@($events | ForEach-Object { "EventID=$_" }) -join ' or ')
    }
}

# A folder as a zip. Entry by entry, because older .NET writes '\' into the names of a whole folder.
function Compress-Folder {
    param([string]$Folder, [string]$Zip)
    Add-Type -AssemblyName 'System.IO.Compression', 'System.IO.Compression.FileSystem'
    $archive = [System.IO.Compression.ZipFile]::Open($Zip, 'Create')
    try {
        # The names begin with the folder exactly as given, so its short and long forms do not matter.
        foreach ($file in [System.IO.Directory]::GetFiles($Folder, '*', 'AllDirectories')) {
            $name = $file.Substring($Folder.Length).TrimStart('\').Replace('\', '/')
            $null = [System.IO.Compression.ZipFileExtensions]::CreateEntryFromFile($archive, $file, $name)
        }
    }
    finally { $archive.Dispose() }
}

# All of one machine; gives the items of the manifest.
function Save-Machine {
    param([hashtable]$Task)
    $place = @{ Host = $Task.Host; Folder = $Task.Folder; Prefix = $Task.Prefix }
    Save-Windows $place $Task.Days
    if ($Task.Role -eq 'node') { Save-Node $place $Task.Days }
    if ($Task.Role -eq 'controller') { Save-Controller $place $Task.Days $Task.WithSecurity }
    if ($Task.Zip) { Compress-Folder $Task.Folder $Task.Zip }
}

