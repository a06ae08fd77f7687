
# The values of a change that are still to be written, in the spelling that the directory needs.
function Select-Value {
    param([hashtable] $Item, [hashtable] $State)
    if ($Item.Operation -eq 'Add') {
        return @($Item.Values | Where-Object { $State.List -notcontains $_ })
    }
    $keep = @()
    if ($kept.ContainsKey($Item.Object)) { $keep = @($kept[$Item.Object]) }
    @($State.List | Where-Object { ($Item.Values -contains $_) -and ($keep -notcontains $_) })
}

# 'done', 'open', or how the directory differs from the bundle.
function Compare-State {
    param([hashtable] $Item, [hashtable] $State)
    if ($Item.Operation -ne 'Set') {
        if (@(Select-Value -Item $Item -State $State).Count -eq 0) { return 'done' }
        return 'open'
    }
    if (($State.Control -band $Item.Mask) -eq ($Item.To -band $Item.Mask)) { return 'done' }
    # What stood so before the plan's first run was not the plan's to take back.
    if ($keptControl.ContainsKey($Item.Object) -and
        (($keptControl[$Item.Object] -band $Item.Mask) -eq ($Item.From -band $Item.Mask))) { return 'done' }
    if ($State.Control -eq $Item.From) { return 'open' }
    "userAccountControl is $($State.Control), but should be $($Item.From) by the bundle"
}

# The state as it would be with the change made: the next change of the same object is judged by it.
function Merge-State {
    param([hashtable] $Item, [hashtable] $State)
    if ($Item.Operation -eq 'Set') { return @{ Control = $Item.To; List = $State.List } }
    if ($Item.Operation -eq 'Add') { return @{ Control = $State.Control; List = @($State.List + $Item.Values) } }
    $gone = @(Select-Value -Item $Item -State $State)
    @{ Control = $State.Control; List = @($State.List | Where-Object { $gone -notcontains $_ }) }
}

# Makes one change: it adds or removes single values, or sets one bit, and replaces nothing.
function Write-Change {
    param([hashtable] $Item, [hashtable] $State, [string] $Controller)
    $at = @{ Identity = $Item.Object; Server = $Controller; Confirm = $false }
    if ($Item.Operation -eq 'Set') {
        $isOn = ($Item.To -band $Item.Mask) -ne 0
        if ($Item.Mask -eq 0x1000000) { Set-ADAccountControl @at -TrustedToAuthForDelegation $isOn }
        elseif ($Item.Mask -eq 0x80000) { Set-ADAccountControl @at -TrustedForDelegation $isOn }
        else { throw "Step $($Item.Step) changes bits that this script does not know: $($Item.Mask)." }
        return
    }
    $values = ([string[]] @(Select-Value -Item $Item -State $State))
    $hash = @{ 'msDS-AllowedToDelegateTo' = $values }
    if ($Item.Operation -eq 'Add') { Set-ADComputer @at -Add $hash }
    else { Set-ADComputer @at -Remove $hash }
}

# Shows what is there and what is to be done, and changes nothing. Returns what is open; stops where the directory is
# not what the bundle says.
function Find-OpenChange {
    param([hashtable[]] $Items)
    $states = @{}
    $differences = @()
    foreach ($item in $Items) {
        if (-not $states.ContainsKey($item.Object)) {
            $now = Read-State -Item $item -Controller (Resolve-Controller -Domain $item.Domain)
            $states[$item.Object] = $now
            $before[$item.Object] = $now
            Write-Host "$($item.Object)"
            Write-Host "  userAccountControl: $($now.Control)"
            foreach ($value in $now.List) { Write-Host "  msDS-AllowedToDelegateTo: $value" }
        }
        $state = $states[$item.Object]
        $answer = Compare-State -Item $item -State $state
        if ($answer -eq 'done') { Write-Host "  Step $($item.Step): it is so already: $($item.Title)" }
        elseif ($answer -eq 'open') {
            Write-Host "  Step $($item.Step): to do: $($item.Title)"
            $item
            $states[$item.Object] = Merge-State -Item $item -State $state
        }
        else { $differences += "$($item.Object): $answer" }
    }
    if ($differences.Count -gt 0) {
        throw "The directory has changed since the bundle was made, and nothing was done. Make a new bundle. $($differences -join '; ')"
    }
}

# Makes what is open, one change after the other; each is compared again right before, and read back right after.
function Invoke-OpenChange {
    param([hashtable[]] $Items)
    foreach ($item in $Items) {
        if (-not $PSCmdlet.ShouldProcess($item.Object, "Step $($item.Step): $($item.Title)")) { continue }
        $controller = Resolve-Controller -Domain $item.Domain
        $state = Read-State -Item $item -Controller $controller
        $answer = Compare-State -Item $item -State $state
        if ($answer -eq 'done') { Write-Host "Step $($item.Step): it is so already"; continue }
        if ($answer -ne 'open') { throw "Step $($item.Step): $($item.Object): $answer. Nothing of this step was done." }
        Write-Change -Item $item -State $state -Controller $controller
        $after = Read-State -Item $item -Controller $controller
        if ((Compare-State -Item $item -State $after) -ne 'done') {
            throw "Step $($item.Step): $($item.Object) does not show the change after it was made on $controller."
        }
        Write-Host "Step $($item.Step): done on $controller"
    }
}

# Keeps what was there before any change, for people and for rollback.ps1.
function Save-State {
    param([string] $Path)
    $objects = @(foreach ($name in @($before.Keys | Sort-Object)) {
        @{ dn = $name; userAccountControl = $before[$name].Control; allowedToDelegateTo = @($before[$name].List) }
    })
    $content = @{ bundle = $bundle; hash = $bundleHash; phase = $Phase; objects = $objects }
    $json = ConvertTo-Json -InputObject $content -Depth 5
    Set-Content -LiteralPath $Path -Value $json -Encoding UTF8 -WhatIf:$false -Confirm:$false
    Write-Host "The state before is in $Path"
}

$before = @{}
$kept = @{}
$keptControl = @{}
