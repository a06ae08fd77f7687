# ---------------------------------------------------------------------------------------------------------------
# The run: which machines, in parallel, then the cluster and the directory, the manifest and the zip.
# ---------------------------------------------------------------------------------------------------------------

# The functions that run on each machine, as text.
function Get-MachineFunctions {
    $names = @(
        'Write-Utf8', 'Format-Time', 'New-ManifestItem', 'Save-Part', 'Invoke-Program', 'Save-Program',
        'ConvertTo-PlainValue', 'Select-Plain', 'Save-Json', 'Save-Log', 'Save-Registry', 'Get-RegistryKeys',
        'Get-UpdateHistory', 'Get-InstalledUpdates', 'Save-Policies', 'Save-Windows', 'Save-Node', 'Save-Controller',
        'Compress-Folder', 'Save-Machine')
    foreach ($name in $names) {
        "function $name {`n$((Get-Command -Name $name -CommandType Function).Definition)`n}`n"
    }
}

# What a job does with them, on this machine or on another.
$RunMachine = {
    param([string]$Functions, [hashtable]$Task)
    Set-StrictMode -Version 2.0
    $ErrorActionPreference = 'Stop'
    $ProgressPreference = 'SilentlyContinue'
    . ([scriptblock]::Create($Functions))
    Save-Machine $Task
}

# Says on the console and in collect.log what happens.
function Write-Log {
    param([string]$Text)
    $line = "$(Format-Time ([datetime]::UtcNow))  $Text"
    $script:LogLines.Add($line)
    Write-Host $line
}

# Adds items to the manifest, and tells of each failure at once.
function Add-Items {
    param($Items)
    foreach ($item in @($Items)) {
        if ($null -eq $item) { continue }
        # Items of other machines carry what remoting added; only the item itself is kept.
        $script:Items.Add((New-ManifestItem $item.host $item.what $item.file $item.error $item.note))
        if (-not $item.ok) { Write-Log "$($item.host): $($item.what) failed: $($item.error)" }
    }
}

# Stops where this can't work at all.
function Assert-Surroundings {
    if ($env:OS -ne 'Windows_NT') { throw 'This script reads Windows; run it on a Hyper-V host.' }
    if ([Environment]::Is64BitOperatingSystem -and -not [Environment]::Is64BitProcess) {
        throw 'This is a 32-bit PowerShell, which sees another registry; start the 64-bit one.'
    }
    $user = New-Object Security.Principal.WindowsPrincipal ([Security.Principal.WindowsIdentity]::GetCurrent())
    if (-not $user.IsInRole([Security.Principal.WindowsBuiltInRole]::Administrator)) {
        throw 'This needs an elevated PowerShell: right-click PowerShell, "Run as administrator", and start it again.'
    }
}

# The name of the cluster that this machine belongs to, or nothing.
function Get-OwnCluster {
    $service = Get-Service -Name ClusSvc -ErrorAction SilentlyContinue
    if ($null -eq $service -or "$($service.Status)" -ne 'Running') { return }
    if (-not (Get-Command -Name Get-ClusterNode -ErrorAction SilentlyContinue)) { return }
    "$((Get-Cluster).Name)"
}

# The domain controllers of this machine's domain and site; where there is none in the site, the one it would use.
function Get-NearControllers {
    $domain = [System.DirectoryServices.ActiveDirectory.Domain]::GetComputerDomain()
    $near = @()
    try {
        $site = [System.DirectoryServices.ActiveDirectory.ActiveDirectorySite]::GetComputerSite().Name
        $near = @($domain.FindAllDomainControllers($site) | ForEach-Object { $_.Name })
    }
    catch { Write-Log "the Active Directory site is unknown: $($_.Exception.Message)" }
    if ($near.Count -eq 0) { $near = @($domain.FindDomainController().Name) }
    $near
}

# Whether a machine accepts connections on a port; a machine that is down costs seconds.
function Test-Port {
    param([string]$HostName, [int]$Port)
    $client = New-Object System.Net.Sockets.TcpClient
    try { $client.ConnectAsync($HostName, $Port).Wait($AnswerSeconds * 1000) }
    catch { $false }
    finally { $client.Dispose() }
}

function Open-Session {
    param([string]$HostName)
    $open = @(5985, 5986 | Where-Object { Test-Port $HostName $_ })
    if ($open.Count -eq 0) {
        throw "no answer on port 5985 or 5986 (Windows Remote Management) within $AnswerSeconds seconds"
    }
    $options = @{ OpenTimeout = 30000; OperationTimeout = $PatienceMinutes * 60000; MaxConnectionRetryCount = 1 }
    $connection = @{
        ComputerName = $HostName; SessionOption = (New-PSSessionOption @options); UseSSL = ($open[0] -eq 5986)
    }
    New-PSSession @connection
}

# Begins to gather from one machine.
function Start-Machine {
    param([hashtable]$Work)
    $null = New-Item -ItemType Directory -Path $Work.Folder -Force
    $task = @{
        Host = $Work.Host; Role = $Work.Role; Prefix = $Work.Prefix; Folder = $Work.Folder; Zip = ''
        Days = $Days; WithSecurity = (-not $NoSecurityLog)
    }
    if ($Work.Host -eq $env:COMPUTERNAME) {
        $Work.Job = Start-Job -ScriptBlock $RunMachine -ArgumentList $script:Functions, $task
        return
    }
    $Work.Session = Open-Session $Work.Name
    $Work.Remote = Invoke-Command -Session $Work.Session -ScriptBlock {
        $path = Join-Path ([System.IO.Path]::GetTempPath()) "kcdoctor-$([guid]::NewGuid())"
        $null = New-Item -ItemType Directory -Path (Join-Path $path 'files')
        $path
    }
    $task.Folder = Join-Path $Work.Remote 'files'
    $task.Zip = Join-Path $Work.Remote 'files.zip'
    $call = @{ Session = $Work.Session; ScriptBlock = $RunMachine; ArgumentList = @($script:Functions, $task) }
    $Work.Job = Invoke-Command @call -AsJob
}

# Waits for a machine and brings its files here.
function Complete-Machine {
    param([hashtable]$Work, [datetime]$Until)
    $seconds = [int][Math]::Max(1, ($Until - [datetime]::UtcNow).TotalSeconds)
    if ($null -eq (Wait-Job -Job $Work.Job -Timeout $seconds)) {
        Stop-Job -Job $Work.Job
        throw "it was not done after $PatienceMinutes minutes"
    }
    $problems = @()
    $items = @(Receive-Job -Job $Work.Job -ErrorAction SilentlyContinue -ErrorVariable problems)
    Add-Items @($items | Where-Object { $null -ne $_.PSObject.Properties['what'] })
    if ("$($Work.Job.State)" -ne 'Completed') { throw "it ended early: $($problems -join ' ')" }
    if ($null -eq $Work.Session) { return }
    $zip = Join-Path $script:Temporary "$($Work.Role)-$($Work.Host).zip"
    Copy-Item -FromSession $Work.Session -Path (Join-Path $Work.Remote 'files.zip') -Destination $zip
    Add-Type -AssemblyName System.IO.Compression.FileSystem
    [System.IO.Compression.ZipFile]::ExtractToDirectory($zip, $Work.Folder)
}

# Removes a machine's temporary folder, and says where that failed.
function Remove-Traces {
    param([hashtable]$Work)
    if ($null -ne $Work.Job) { Remove-Job -Job $Work.Job -Force -ErrorAction SilentlyContinue }
    if ($null -eq $Work.Session) { return }
    try {
        if ($Work.Remote) {
            Invoke-Command -Session $Work.Session -ArgumentList $Work.Remote -ScriptBlock {
                param([string]$Path)
                Remove-Item -LiteralPath $Path -Recurse -Force
            }
        }
    }
    catch {
        $problem = "$($Work.Remote) could not be removed; delete it by hand"
        Add-Items (New-ManifestItem $Work.Host 'temporary folder' $null $problem $null)
    }
    finally { Remove-PSSession -Session $Work.Session -ErrorAction SilentlyContinue }
}

# A machine that could not be gathered from at all.
function Add-Failure {
    param([string]$HostName, $Problem)
    Add-Items (New-ManifestItem $HostName 'all of this machine' $null $Problem.Exception.Message $null)
}

# What is known of a machine before it is gathered from.
function New-Work {
    param([string]$Name, [string]$Role, [string]$Prefix)
    $short = Get-ShortName $Name
    @{
        Name = $Name; Host = $short; Role = $Role; Prefix = "$Prefix$short/"; Session = $null; Remote = ''; Job = $null
        Folder = (Join-Path $script:Root "$Prefix$short")
    }
}

# Gathers from all machines at once; a machine that fails costs itself.
function Save-Machines {
    param([string[]]$Nodes, [string[]]$Controllers)
    $until = [datetime]::UtcNow.AddMinutes($PatienceMinutes)
    $all = @($Nodes | ForEach-Object { New-Work $_ 'node' '' })
    $all += @($Controllers | ForEach-Object { New-Work $_ 'controller' 'DC/' })
    try {
        foreach ($work in $all) {
            Write-Log "$($work.Name): gathering"
            try { Start-Machine $work } catch { Add-Failure $work.Host $_ }
        }
        foreach ($work in $all) {
            if ($null -eq $work.Job) { continue }
            try { Complete-Machine $work $until } catch { Add-Failure $work.Host $_ }
            Write-Log "$($work.Host): done"
        }
    }
    finally { foreach ($work in $all) { Remove-Traces $work } }
}

# The cluster's own account: nodes, networks, the network of moves, and the log of each node in UTC.
function Save-Cluster {
    param([hashtable]$Place)
    Save-Json $Place 'Get-Cluster' 'Get-Cluster.json' {
        Select-Plain (Get-Cluster) @('Name', 'Domain', 'ClusterFunctionalLevel')
    }
    Save-Json $Place 'Get-ClusterNode' 'Get-ClusterNode.json' {
        foreach ($node in @(Get-ClusterNode)) {
            Select-Plain $node @('Name', 'Id', 'State', 'DrainStatus', 'NodeWeight', 'DynamicWeight', 'Cluster')
        }
    }
    Save-Json $Place 'Get-ClusterNetwork' 'Get-ClusterNetwork.json' {
        foreach ($network in @(Get-ClusterNetwork)) {
            Select-Plain $network @('Name', 'Id', 'State', 'Role', 'Address', 'AddressMask', 'Metric', 'Cluster')
        }
    }
    Save-Json $Place 'live migration networks' 'Get-ClusterParameter.json' {
        foreach ($setting in @(Get-ClusterResourceType -Name 'Virtual Machine' | Get-ClusterParameter)) {
            Select-Plain $setting @('Object', 'Name', 'Value')
        }
    }
    try {
        foreach ($log in @(Get-ClusterLog -Destination $Place.Folder -TimeSpan ($Days * 1440))) {
            New-ManifestItem $Place.Host 'Get-ClusterLog' ($Place.Prefix + $log.Name) $null $null
        }
    }
    catch { New-ManifestItem $Place.Host 'Get-ClusterLog' $null $_.Exception.Message $null }
}

# A place of this machine's own below the root.
function New-Place {
    param([string]$Name, [string]$HostName)
    $folder = Join-Path $script:Root $Name
    $null = New-Item -ItemType Directory -Path $folder -Force
    @{ Host = $HostName; Folder = $folder; Prefix = "$Name/" }
}

# Service names as the directory holds them. Asked from here, because a remote session can't reach on to the directory.
function Save-ServiceNames {
    param([string[]]$Nodes)
    foreach ($node in $Nodes) {
        $short = Get-ShortName $node
        Save-Program (New-Place $short $short) 'setspn-L.txt' 'setspn.exe' @('-L', $short)
    }
}

# The directory, by the first domain controller that answers LDAP.
function Save-Objects {
    param([string[]]$Controllers, [string[]]$Names)
    $servers = @($Controllers | Where-Object { Test-Port $_ 389 } | Select-Object -First 1)
    if ($servers.Count -eq 0) {
        $problem = 'no domain controller answers on port 389; name one with -DomainController'
        Add-Items (New-ManifestItem $env:COMPUTERNAME 'directory' $null $problem $null)
        return
    }
    Write-Log "directory, by $($servers[0])"
    $place = New-Place 'directory' (Get-ShortName $servers[0])
    Add-Items @(Save-Directory $place $servers[0] $Names @(Split-Names $MigrationUser))
}

# The list of all that was tried.
function Write-Manifest {
    param([string]$Started, [string[]]$Nodes, [string[]]$Controllers)
    $manifest = [ordered]@{
        kcdoctorCollect   = 1
        started           = $Started
        ended             = (Format-Time ([datetime]::UtcNow))
        days              = $Days
        computer          = $env:COMPUTERNAME
        user              = ([Security.Principal.WindowsIdentity]::GetCurrent().Name)
        powershell        = "$($PSVersionTable.PSVersion)"
        nodes             = @($Nodes)
        domainControllers = @($Controllers)
        items             = @(foreach ($item in $script:Items) { $item })
    }
    $text = ConvertTo-Json -InputObject $manifest -Depth 4
    Write-Utf8 (Join-Path $script:Root 'kcdoctor-collect.json') ($text + "`r`n")
    $log = @('kcdoctor collect log, times in UTC') + $script:LogLines.ToArray()
    Write-Utf8 (Join-Path $script:Root 'collect.log') (($log -join "`r`n") + "`r`n")
}

# A machine's name without its domain: the name of its folder.
function Get-ShortName {
    param([string]$Name)
    $Name.Split('.')[0].ToUpperInvariant()
}

# Names one by one: 'powershell -File' hands a list over as one text with commas.
function Split-Names {
    param([string[]]$Names)
    $Names | ForEach-Object { "$_".Split(',') } | ForEach-Object { $_.Trim() } | Where-Object { $_ }
}

# Each machine once, whether it was named with its domain or without.
function Select-Machine {
    param([string[]]$Names)
    $seen = @{}
    foreach ($name in @(Split-Names $Names | Sort-Object -Unique)) {
        $short = Get-ShortName $name
        if (-not $seen.ContainsKey($short)) {
            $seen[$short] = $name
            $name
        }
    }
}

# Which machines there are.
function Find-Machines {
    $cluster = ''
    try { $cluster = "$(Get-OwnCluster)" }
    catch { Add-Items (New-ManifestItem $env:COMPUTERNAME 'Get-Cluster' $null $_.Exception.Message $null) }
    $nodes = @($ComputerName)
    if ($cluster) { $nodes += @(Get-ClusterNode | ForEach-Object { "$($_.Name)" }) }
    if ($nodes.Count -eq 0) { $nodes = @($env:COMPUTERNAME) }
    $controllers = @($DomainController)
    if ($controllers.Count -eq 0) {
        try { $controllers = @(Get-NearControllers) }
        catch {
            Add-Items (New-ManifestItem $env:COMPUTERNAME 'find domain controllers' $null $_.Exception.Message $null)
        }
    }
    @{ Cluster = $cluster; Nodes = @(Select-Machine $nodes); Controllers = @(Select-Machine $controllers) }
}

function Invoke-Collection {
    Assert-Surroundings
    Add-Type -AssemblyName System.DirectoryServices
    $started = Format-Time ([datetime]::UtcNow)
    $script:Items = New-Object System.Collections.Generic.List[object]
    $script:LogLines = New-Object System.Collections.Generic.List[string]
    $script:Functions = @(Get-MachineFunctions) -join "`n"
    $script:Temporary = Join-Path ([System.IO.Path]::GetTempPath()) "kcdoctor-$([guid]::NewGuid())"
    $script:Root = Join-Path $script:Temporary 'files'
    $null = New-Item -ItemType Directory -Path $script:Root
    try {
        Write-Log "gathering $Days days; nothing is changed but temporary folders, which are removed"
        $machines = Find-Machines
        Save-Machines $machines.Nodes $machines.Controllers
        Add-Items @(Save-ServiceNames $machines.Nodes)
        $names = @($machines.Nodes) + @($machines.Controllers)
        if ($machines.Cluster) {
            Write-Log "cluster $($machines.Cluster)"
            Add-Items @(Save-Cluster (New-Place 'cluster' $machines.Cluster))
            $names += $machines.Cluster
        }
        Save-Objects $machines.Controllers $names
        Write-Manifest $started $machines.Nodes $machines.Controllers
        Save-Bundle $machines
    }
    finally { Remove-Item -LiteralPath $script:Temporary -Recurse -Force -ErrorAction SilentlyContinue }
}

# The zip, and what to do with it.
function Save-Bundle {
    param([hashtable]$Machines)
    $folder = $OutputFolder
    if (-not $folder) { $folder = (Get-Location -PSProvider FileSystem).ProviderPath }
    $name = $Machines.Cluster
    if (-not $name) { $name = $env:COMPUTERNAME }
    $stamp = [datetime]::UtcNow.ToString('yyyyMMdd-HHmm', [System.Globalization.CultureInfo]::InvariantCulture)
    $null = New-Item -ItemType Directory -Path $folder -Force
    $zip = Join-Path (Resolve-Path -LiteralPath $folder).ProviderPath "kcdoctor-$name-$stamp.zip"
    Compress-Folder $script:Root $zip
    $failed = @($script:Items | Where-Object { -not $_.ok })
    Write-Host ''
    Write-Host "The bundle: $zip"
    if ($failed.Count -gt 0) {
        Write-Host "$($failed.Count) of $($script:Items.Count) items failed; the rest is in the bundle:"
        foreach ($item in $failed) { Write-Host "  $($item.host): $($item.what): $($item.error)" }
    }
    Write-Host 'Next, on any machine that has kcdoctor:'
    Write-Host "  kcdoctor analyze `"$(Split-Path -Leaf $zip)`""
}

Invoke-Collection
