
# The controllers that are asked about a domain.
function Select-Controller {
    param([string] $Domain)
    if (-not $EveryController) { return @(Resolve-Controller -Domain $Domain) }
    $all = Get-ADDomainController -Filter * -Server (Resolve-Controller -Domain $Domain)
    @($all | ForEach-Object { $_.HostName } | Sort-Object)
}

# What a pair lacks on a controller; nothing where it has all that it needs.
function Find-Lack {
    param([hashtable] $Item, [string] $Controller)
    $state = Read-State -Item $Item -Controller $Controller
    foreach ($value in $Item.Spns) {
        if ($state.List -notcontains $value) { "not on the list: $value" }
    }
    if ($Item.Protocol -and (($state.Control -band 0x1000000) -eq 0)) { "'Use any authentication protocol' is off" }
}

Write-Host "Plan of bundle $bundle ($bundleHash)"
$undone = 0
foreach ($pair in $pairs) {
    $name = "$($pair.Source) to $($pair.Target)"
    if ($pair.Blocked) { $undone += 1; Write-Host "NOT DONE  ${name}: left out of the plan, blocked until $($pair.Blocked) is there"; continue }
    if (-not (Test-Domain -Domain $pair.Domain)) { $undone += 1; Write-Host "NOT ASKED ${name}: of the domain $($pair.Domain)"; continue }
    foreach ($controller in @(Select-Controller -Domain $pair.Domain)) {
        $lacks = @(Find-Lack -Item $pair -Controller $controller)
        if ($lacks.Count -eq 0) { Write-Host "DONE      ${name} on $controller"; continue }
        $undone += 1
        Write-Host "NOT DONE  ${name} on ${controller}: $($lacks -join '; ')"
    }
}
foreach ($item in $removals) {
    if (-not (Test-Domain -Domain $item.Domain)) { continue }
    $state = Read-State -Item $item -Controller (Resolve-Controller -Domain $item.Domain)
    $word = 'still there'
    if (($state.Control -band $item.Mask) -eq ($item.To -band $item.Mask)) { $word = 'gone' }
    Write-Host "Step $($item.Step): unconstrained delegation of $($item.Object): $word (its turn comes after the tests)"
}
if ($pairs.Count -eq 0) { Write-Host 'The plan changes the delegation of no pair.' }
Write-Host 'Delegation is what this script sees. That a virtual machine moves, only a test migration shows.'
if ($undone -gt 0) { exit 1 }
exit 0
