
$null = New-Item -ItemType Directory -Path $LogFolder -Force -WhatIf:$false -Confirm:$false
$stamp = Get-Date -Format 'yyyyMMdd-HHmmss'
$null = Start-Transcript -LiteralPath (Join-Path $LogFolder "apply-$stamp.log") -WhatIf:$false -Confirm:$false
try {
    Write-Host "Plan of bundle $bundle ($bundleHash)"
    $mine = @($changes | Where-Object { Test-Domain -Domain $_.Domain })
    $wanted = @($mine | Where-Object { $_.AfterTests -eq ($Phase -eq 'AfterTests') })
    if ($Phase -eq 'AfterTests') {
        # Nothing is taken away while what takes its place is not there.
        $first = @($mine | Where-Object { -not $_.AfterTests })
        if ($first.Count -gt 0) {
            $missing = @(Find-OpenChange -Items $first)
            if ($missing.Count -gt 0) { throw 'The additions are not there yet: run this script without -Phase first, then test.' }
        }
    }
    $open = @()
    if ($wanted.Count -gt 0) {
        $open = @(Find-OpenChange -Items $wanted)
        Save-State -Path (Join-Path $LogFolder "before-apply-$stamp.json")
    }
    if ($open.Count -gt 0) { Invoke-OpenChange -Items $open }
    else { Write-Host 'There is nothing to change.' }
    foreach ($item in $leftOut) { Write-Host "Step $($item.Step) is left out: $($item.Title) ($($item.Why))" }
    foreach ($item in $changes) {
        if ($mine -notcontains $item) { Write-Host "Step $($item.Step) is of the domain $($item.Domain): run again with a -Server of it" }
    }
    foreach ($item in $byHand) { Write-Host "Step $($item.Step) is not done by this script, see plan.md: $($item.Title)" }
    if ($Phase -eq 'Additions') {
        Write-Host 'Next: wait for replication (verify.ps1 -EveryController), let the hosts forget their tickets, test every pair.'
    }
}
finally { $null = Stop-Transcript }
